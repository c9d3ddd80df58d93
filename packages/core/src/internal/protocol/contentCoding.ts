/** Which content codings of a response have to be undone (RFC 9110 8.4): pure, from the head. */

export interface DecodingInput {
  readonly method: string
  readonly status: number
  readonly contentEncoding: string
  /** Announced bytes of the body. */
  readonly contentLength: number | undefined
  readonly supported: ReadonlySet<string>
}

export type Decoding =
  | { readonly _tag: "None" }
  /** In the order in which they are undone: the last one applied comes first. */
  | { readonly _tag: "Decode"; readonly codings: ReadonlyArray<string> }
  | { readonly _tag: "Unknown"; readonly coding: string }
  | { readonly _tag: "TooMany"; readonly count: number }

/** More codings than this, one over the other, are an attack. */
const maximumStacked = 3

const none: Decoding = { _tag: "None" }

const alias = (coding: string): string => coding === "x-gzip" ? "gzip" : coding === "x-compress" ? "compress" : coding

/** See the head of this file. Answers without a body, parts (206) and empty bodies are left as they are. */
export const contentDecoding = (input: DecodingInput): Decoding => {
  const { method, status } = input
  if (method === "HEAD" || status === 204 || status === 304 || status === 206 || input.contentLength === 0) return none
  const codings = input.contentEncoding
    .split(",")
    .map((one) => alias(one.trim().toLowerCase()))
    .filter((one) => one !== "" && one !== "identity")
  if (codings.length === 0) return none
  if (codings.length > maximumStacked) return { _tag: "TooMany", count: codings.length }
  const unknown = codings.find((one) => !input.supported.has(one))
  if (unknown !== undefined) return { _tag: "Unknown", coding: unknown.slice(0, 64) }
  return { _tag: "Decode", codings: codings.reverse() }
}
