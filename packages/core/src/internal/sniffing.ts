/** Which media type a body really is (WHATWG MIME Sniffing), for whoever asks. */
import { computedMIMEType } from "whatwg-mimetype"
import type { HeaderFields } from "../HeaderFields.ts"

/** So many bytes of a body are looked at. */
export const sniffedBytes = 1445

/** The essence, in lower case. `head` are the first bytes of the body, or all of them. */
export const sniff = (fields: HeaderFields, head: Uint8Array): string => {
  // of several lines the last one that is a type holds; the field's joined form would be none
  const contentTypeHeader = fields.getAll("content-type").at(-1)
  return computedMIMEType(head.subarray(0, sniffedBytes), {
    ...(contentTypeHeader === undefined ? {} : { contentTypeHeader }),
    noSniff: fields.get("x-content-type-options")?.split(",")[0]?.trim().toLowerCase() === "nosniff"
  }).essence
}
