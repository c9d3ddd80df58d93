/** Which content codings of a response are undone (RFC 9110 8.4), and the guard against bodies that swell without end. */
import { trimBlanks } from "./characters.ts"

/** So many codings, one over the other, are undone at most. */
export const maximumCodings = 3

export type ContentDecoding =
  /** The body is delivered as it comes. */
  | { readonly _tag: "None" }
  /** To be undone in this order: what was applied last comes first. */
  | { readonly _tag: "Decode"; readonly codings: ReadonlyArray<string> }
  | { readonly _tag: "Unknown"; readonly coding: string }
  | { readonly _tag: "TooMany" }

const none: ContentDecoding = { _tag: "None" }

const aliases: ReadonlyMap<string, string> = new Map([["x-gzip", "gzip"], ["x-compress", "compress"]])

/** The codings of a `Content-Encoding` field in the order of their application; `identity` is none. */
export const parseCodings = (contentEncoding: string): ReadonlyArray<string> => {
  const codings: Array<string> = []
  for (const item of contentEncoding.split(",")) {
    const coding = trimBlanks(item).toLowerCase()
    if (coding !== "" && coding !== "identity") codings.push(aliases.get(coding) ?? coding)
  }
  return codings
}

/** What has no body, and parts of a coded body, which cannot be decoded alone. */
const isUndecodable = (method: string, status: number, contentLength: number | undefined): boolean =>
  method === "HEAD" || contentLength === 0 || status < 200 || status === 204 || status === 206 || status === 304

/** Decides on a response; the lines of `Content-Encoding` are joined by commas. */
export const contentDecoding = (input: {
  readonly method: string
  readonly status: number
  readonly contentEncoding: string
  readonly contentLength: number | undefined
  readonly supported: ReadonlySet<string>
}): ContentDecoding => {
  if (isUndecodable(input.method, input.status, input.contentLength)) return none
  const codings = parseCodings(input.contentEncoding)
  if (codings.length === 0) return none
  if (codings.length > maximumCodings) return { _tag: "TooMany" }
  const unknown = codings.find((coding) => !input.supported.has(coding))
  return unknown === undefined
    ? { _tag: "Decode", codings: [...codings].reverse() }
    : { _tag: "Unknown", coding: unknown }
}

/** Bytes out for one byte in, at most. */
export const maximumRatio = 200
/** Bytes out before the ratio counts: small bodies of zeros are nothing to fear. */
export const ratioGrace = 1_048_576

/** Counts the bytes on both sides of a decoder, of a whole stack of them where there is one. */
export class RatioGuard {
  #encoded = 0
  #decoded = 0

  get encoded(): number {
    return this.#encoded
  }

  get decoded(): number {
    return this.#decoded
  }

  /** So many bytes have gone in. */
  took(bytes: number): void {
    this.#encoded += bytes
  }

  /** So many bytes have come out; `false` where that is more than the input can honestly hold. */
  gave(bytes: number): boolean {
    this.#decoded += bytes
    return this.#decoded <= ratioGrace || this.#decoded <= this.#encoded * maximumRatio
  }
}
