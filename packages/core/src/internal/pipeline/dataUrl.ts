/** `data:` URLs (RFC 2397): a response that is in the URL itself. */
import * as Effect from "effect/Effect"
import { HeaderFields } from "../../HeaderFields.ts"
import { InvalidRequest } from "../../SessionError.ts"
import { MemoryBody } from "../memoryBody.ts"
import { parseDataUrl } from "../protocol/dataUrl.ts"
import type { Exchange } from "./exchange.ts"

export const exchangeDataUrl: Exchange = (request, context) => {
  const data = parseDataUrl(request.url.href)
  context.transaction.fetchType = "local"
  if (data === undefined) {
    return Effect.fail(
      new InvalidRequest({ url: request.url.href, reason: { _tag: "BadURL", input: "data:… is malformed" } })
    )
  }
  const bytes = request.method === "HEAD" ? new Uint8Array(0) : data.body
  context.arrived()
  return Effect.succeed({
    status: 200,
    reason: "OK",
    fields: new HeaderFields(["content-type", data.mediaType, "content-length", String(data.body.length)]),
    body: new MemoryBody(bytes),
    url: request.url,
    connection: undefined
  })
}
