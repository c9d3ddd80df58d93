/**
 * The head of a response as a value: equal by what it says, and fit to be written down and read again.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { HeaderFields } from "./HeaderFields.ts"
import { displayUrl } from "./internal/displayUrl.ts"
import { expectedContentLength, parseMediaType, suggestedFileName } from "./internal/protocol/mediaType.ts"
import { sniff } from "./internal/sniffing.ts"
import type { SessionResponse } from "./SessionResponse.ts"

/**
 * A head. Equal to another one with the same URL, status, reason and fields in the same order. Printed without the query of
 * its URL and without the values of fields that are credentials.
 *
 * @since 0.1.0
 * @category models
 */
export class ResponseHead implements Equal.Equal {
  /** Of the request that was answered; not enumerable, so that its query shows in no log. */
  declare readonly url: string
  readonly status: number
  readonly reason: string
  readonly headers: HeaderFields

  constructor(fields: {
    readonly url: string
    readonly status: number
    readonly reason?: string
    readonly headers?: HeaderFields
  }) {
    Object.defineProperty(this, "url", { value: fields.url, enumerable: false })
    this.status = fields.status
    this.reason = fields.reason ?? ""
    this.headers = fields.headers ?? HeaderFields.empty
  }

  /** `type/subtype` in lower case, where the server says it (RFC 9110 8.3). */
  get mimeType(): string | undefined {
    return parseMediaType(this.headers.get("content-type"))?.essence
  }
  /** The `charset` parameter in lower case. */
  get textEncodingName(): string | undefined {
    return parseMediaType(this.headers.get("content-type"))?.charset
  }
  /** Bytes, as announced; of the coded form where the body is coded. */
  get expectedContentLength(): number | undefined {
    return expectedContentLength(this.headers.getAll("content-length"))
  }
  /** From `Content-Disposition` (RFC 6266), else the last part of the path, else `Unknown`. Never with a slash. */
  get suggestedFileName(): string {
    return suggestedFileName(this.url, this.headers.get("content-disposition"))
  }

  [Equal.symbol](that: unknown): boolean {
    if (this === that) return true
    if (!(that instanceof ResponseHead) || this.url !== that.url || this.status !== that.status) return false
    const mine = this.headers.flat
    const theirs = that.headers.flat
    return this.reason === that.reason && mine.length === theirs.length &&
      mine.every((text, index) => text === theirs[index])
  }
  [Hash.symbol](): number {
    return Hash.cached(
      this,
      Hash.combine(Hash.string(this.url))(
        Hash.combine(Hash.number(this.status))(Hash.array([this.reason, ...this.headers.flat]))
      )
    )
  }
  toJSON(): unknown {
    return { url: displayUrl(this.url), status: this.status, reason: this.reason, headers: this.headers.toJSON() }
  }
  toString(): string {
    return `${this.status} from ${displayUrl(this.url)}`
  }
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

/**
 * The head of a response, which outlives its task.
 *
 * @example
 * ```ts
 * import { ResponseHead, UrlSession } from "@urlsession/core"
 * import { Effect, Schema } from "effect"
 *
 * const record = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   const [, response] = yield* session.data("https://example.com/")
 *   return yield* Schema.encode(ResponseHead.schema)(ResponseHead.of(response))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = ({ headers, reason, status, url }: SessionResponse): ResponseHead =>
  new ResponseHead({ url, status, reason, headers })

/**
 * The media type that a body turns out to be, in lower case, from its first 1,445 bytes (WHATWG MIME Sniffing, section 7).
 * Ask it before a body from a stranger is shown to somebody: a `text/html` that calls itself `text/plain` is `text/plain` here,
 * and one that says nothing is `text/html`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const computedMimeType = (head: { readonly headers: HeaderFields }, firstBytes: Uint8Array): string =>
  sniff(head.headers, firstBytes)

const isHead = (value: unknown): value is ResponseHead => value instanceof ResponseHead

const Written = Schema.Struct({
  url: Schema.String,
  status: Schema.Int.pipe(Schema.between(100, 999)),
  reason: Schema.String,
  headers: Schema.Array(Schema.Tuple(Schema.String, Schema.String))
})

/**
 * How a head is written down. What is derived from it is not written but derived again, so nobody who can write the record
 * can make up a file name with a path in it. The record has the query of the URL and every field, `Set-Cookie` too: keep it
 * where credentials may be kept.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema: Schema.Schema<ResponseHead, typeof Written.Encoded> = Schema.transform(
  Written,
  Schema.declare(isHead, { identifier: "ResponseHead" }),
  {
    strict: true,
    decode: ({ headers, ...rest }) => new ResponseHead({ ...rest, headers: HeaderFields.fromEntries(headers) }),
    encode: ({ headers, reason, status, url }) => ({
      url,
      status,
      reason,
      headers: Array.from(headers, ([name, value]) => [name, value] as const)
    })
  }
).annotations({
  // what a parser says of a broken record quotes it, and it may hold a secret
  message: () => ({
    message: "this is not a record of a response's head: write it with ResponseHead.schema",
    override: true
  })
})
