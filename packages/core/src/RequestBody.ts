/**
 * Bodies for `upload` and `uploadTask`, which can be sent as often as a request has to be: after a challenge, a redirect
 * that keeps the method, or a connection that was lost.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { fileProduce, measure } from "./internal/requestBody/file.ts"
import { encodeForm } from "./internal/requestBody/form.ts"
import { streamProduce } from "./internal/requestBody/stream.ts"
import { type Produce, StreamedRequestBody } from "./internal/requestBody/streamedRequestBody.ts"
import type { FileError } from "./SessionError.ts"
import type { WireRequestBody } from "./Transport.ts"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@urlsession/core/RequestBody")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * A body. Printing one shows its size and type, never what is in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestBody {
  readonly [TypeId]: TypeId
  /** In bytes; `undefined` where only the end will tell: then it is sent in chunks (RFC 9112 7.1). */
  readonly length: number | undefined
  /** Goes into `Content-Type` where the request has none. */
  readonly contentType: string | undefined
}

/**
 * What can be said about a body that cannot be looked at.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** In bytes. A body that turns out longer or shorter fails the request with `InvalidRequest` and `BodyLengthMismatch`. */
  readonly length?: number
  readonly contentType?: string
}

/**
 * What a body was made from, where that is more than bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type BodyDescription =
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Form"; readonly form: FormData }

type Plan = { readonly _tag: "Bytes"; readonly bytes: Uint8Array } | {
  readonly _tag: "Produced"
  readonly produce: Produce | undefined
}

class Body implements RequestBody {
  readonly [TypeId]: TypeId = TypeId
  readonly length: number | undefined
  readonly contentType: string | undefined
  readonly #plan: Plan
  readonly #described: BodyDescription | undefined

  constructor(
    plan: Plan,
    length: number | undefined,
    contentType: string | undefined,
    described?: BodyDescription
  ) {
    this.#plan = plan
    this.#described = described
    this.length = length
    this.contentType = contentType
  }

  get described(): BodyDescription | undefined {
    return this.#described
  }

  /** For one request; `undefined` for no bytes at all, which is no body. */
  wire(announced: number | undefined): WireRequestBody | undefined {
    const plan = this.#plan
    if (plan._tag === "Produced") {
      const length = this.length ?? announced
      return length === 0 && plan.produce !== undefined ? undefined : new StreamedRequestBody(plan.produce, length)
    }
    return plan.bytes.length === 0 ? undefined : plan
  }
}

/**
 * Whether a value is a body of this module.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRequestBody = (value: unknown): value is RequestBody => value instanceof Body

/**
 * The form in which a body goes to a transport; one for every request. `announced` is the length in bytes that its caller
 * says, for a body that does not know it.
 *
 * @since 0.1.0
 * @category destructors
 */
export const toWire = (body: RequestBody, announced?: number): WireRequestBody | undefined =>
  body instanceof Body ? body.wire(announced) : undefined

/**
 * What a body was made from; `undefined` for bytes and streams.
 *
 * @since 0.1.0
 * @category destructors
 */
export const describe = (body: RequestBody): BodyDescription | undefined =>
  body instanceof Body ? body.described : undefined

const text_ = new TextEncoder()

/**
 * Bytes in memory; they must not be changed while the request is under way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bytes = (value: Uint8Array, contentType?: string): RequestBody =>
  new Body({ _tag: "Bytes", bytes: value }, value.length, contentType)

/**
 * A text in UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (value: string, contentType = "text/plain; charset=utf-8"): RequestBody =>
  bytes(text_.encode(value), contentType)

/**
 * A Stream, run anew for every sending and no faster than the network takes it. One that has been used up and gives
 * something else the second time is found out: the request fails with `InvalidRequest` and `BodyStreamExhausted`, and nothing
 * wrong is sent. A stream that cannot be run twice needs a `BodyStreamProvider`.
 *
 * @example
 * ```ts
 * import { RequestBody, UrlSession } from "@urlsession/core"
 * import { Effect, Stream } from "effect"
 *
 * const lines = Stream.range(1, 1000).pipe(Stream.map((n) => `line ${n}\n`), Stream.encodeText)
 *
 * const upload = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   const [, response] = yield* session.upload("https://example.com/log", RequestBody.stream(lines))
 *   return response.status
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const stream = <E>(value: Stream.Stream<Uint8Array, E>, options: Options = {}): RequestBody =>
  new Body({ _tag: "Produced", produce: streamProduce(value) }, options.length, options.contentType)

/**
 * A file, with the length that it has now. It is opened for every sending, and read into two buffers of 2 MiB at most. Fails
 * with `FileError` where it cannot be opened.
 *
 * @since 0.1.0
 * @category constructors
 */
export const file = (
  path: string,
  contentType?: string
): Effect.Effect<RequestBody, FileError, FileSystem.FileSystem> =>
  Effect.flatMap(
    FileSystem.FileSystem,
    (fs) =>
      Effect.map(measure(fs, path), (length): RequestBody =>
        new Body({ _tag: "Produced", produce: fileProduce(fs, path, length) }, length, contentType, {
          _tag: "File",
          path
        }))
  )

/**
 * A form as `multipart/form-data` (RFC 7578). Files of it are read when they are sent, as often as that is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const formData = (form: FormData): RequestBody => {
  const encoded = encodeForm(form)
  return new Body({ _tag: "Produced", produce: encoded.produce }, encoded.length, encoded.contentType, {
    _tag: "Form",
    form
  })
}

/**
 * A body that the `BodyStreamProvider` gives, for the first sending too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromProvider = (options: Options = {}): RequestBody =>
  new Body({ _tag: "Produced", produce: undefined }, options.length, options.contentType)
