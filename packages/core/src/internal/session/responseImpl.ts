/** The response that a session gives out: it knows its task and reads the body through it. */
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { LoggedDecision } from "../../Decision.ts"
import type { HeaderFields } from "../../HeaderFields.ts"
import { BodyError, type ExchangeError } from "../../SessionError.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import type { FetchType, TaskMetrics } from "../../TaskMetrics.ts"
import type { WireResponse } from "../../Transport.ts"
import type { CacheStatus } from "../protocol/cacheStatus.ts"
import { expectedContentLength, parseMediaType, suggestedFileName } from "../protocol/mediaType.ts"
import { decodeText } from "../protocol/text.ts"
import { sniff } from "../sniffing.ts"
import { ending } from "./ending.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { BodyPull, forEachChunk, readWhole } from "./readBody.ts"

/** See the head of this file. */
export class ResponseImpl implements SessionResponse {
  readonly #wire: WireResponse
  readonly #context: ExchangeContext
  readonly #fetchType: FetchType
  #bytes: Uint8Array | undefined
  #consumed: boolean

  constructor(wire: WireResponse, context: ExchangeContext, bytes: Uint8Array | undefined) {
    this.#wire = wire
    this.#context = context
    this.#fetchType = context.transaction.fetchType ?? "networkLoad"
    this.#bytes = bytes
    this.#consumed = bytes !== undefined
  }

  get status(): number {
    return this.#wire.status
  }
  get reason(): string {
    return this.#wire.reason
  }
  get headers(): HeaderFields {
    return this.#wire.fields
  }
  get url(): string {
    return this.#wire.url.href
  }
  get mimeType(): string | undefined {
    return parseMediaType(this.#wire.fields.get("content-type"))?.essence
  }
  get textEncodingName(): string | undefined {
    return parseMediaType(this.#wire.fields.get("content-type"))?.charset
  }
  get expectedContentLength(): number | undefined {
    if (this.#wire.decoded === true) return undefined
    return expectedContentLength(this.#wire.fields.getAll("content-length")) ?? this.#wire.body.length
  }
  get suggestedFileName(): string {
    return suggestedFileName(this.url, this.#wire.fields.get("content-disposition"))
  }
  get fetchType(): FetchType {
    return this.#fetchType
  }
  get cacheStatus(): CacheStatus | undefined {
    return this.#wire.cache
  }
  get isDelimited(): boolean {
    return this.#wire.body.delimited
  }
  get bytes(): Effect.Effect<Uint8Array, ExchangeError> {
    return Effect.suspend(() => {
      if (this.#bytes !== undefined) return Effect.succeed(this.#bytes)
      if (this.#consumed) return this.#again
      const limit = this.#context.options.maximumBodyBytes ?? this.#context.session.configuration.maximumBodyBytes
      const read = Effect.suspend(() => {
        this.#consume()
        return readWhole(this.#wire.body, this.#context, limit)
      })
      return Effect.map(ending(read, this.#context), (bytes) => {
        this.#bytes = bytes
        return bytes
      })
    })
  }
  get text(): Effect.Effect<string, ExchangeError> {
    return Effect.map(this.bytes, (bytes) => decodeText(bytes, this.textEncodingName))
  }
  get computedMimeType(): Effect.Effect<string, ExchangeError> {
    return Effect.map(this.bytes, (bytes) => sniff(this.#wire.fields, bytes))
  }
  get json(): Effect.Effect<unknown, ExchangeError> {
    return Effect.flatMap(this.text, (text): Effect.Effect<unknown, BodyError> =>
      Effect.try({
        try: (): unknown => JSON.parse(text),
        // the text of a JSON.parse error quotes the body, which may hold a secret
        catch: () => new BodyError({ url: this.url, reason: { _tag: "InvalidJson" } })
      }))
  }
  get stream(): Stream.Stream<Uint8Array, ExchangeError> {
    return Stream.suspend(() => {
      if (this.#bytes !== undefined) return Stream.make(this.#bytes)
      if (this.#consumed) return Stream.fromEffect(this.#again)
      this.#consume()
      const pull = new BodyPull(this.#wire.body, this.#context)
      const loop: Channel.Channel<Chunk.Chunk<Uint8Array>, unknown, ExchangeError, unknown, void, unknown> = Channel
        .flatMap(
          Channel.fromEffect(pull.next),
          (chunk) => chunk === undefined ? Channel.void : Channel.zipRight(Channel.write(chunk), loop)
        )
      return Stream.fromChannel(
        Channel.ensuringWith(loop, (exit) => Effect.sync(() => this.#context.completeBy(exit)))
      )
    })
  }
  readonly forEachChunk = (f: (borrowed: Uint8Array) => void): Effect.Effect<void, ExchangeError> =>
    Effect.suspend(() => {
      if (this.#bytes !== undefined) {
        f(this.#bytes)
        return Effect.void
      }
      if (this.#consumed) return Effect.asVoid(this.#again)
      const read = Effect.suspend(() => {
        this.#consume()
        return forEachChunk(this.#wire.body, this.#context, f)
      })
      return ending(read, this.#context)
    })
  get cancel(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#consumed = true
      this.#wire.body.cancel()
      this.#context.attach()
      this.#context.release()
    })
  }
  get metrics(): Effect.Effect<TaskMetrics> {
    return Effect.sync(() => this.#context.metrics)
  }
  get decisions(): Effect.Effect<ReadonlyArray<LoggedDecision>> {
    return Effect.sync(() => this.#context.decisions?.entries.slice() ?? [])
  }
  get trailers(): Effect.Effect<HeaderFields> {
    return Effect.sync(() => this.#wire.body.trailers)
  }

  #consume(): void {
    this.#consumed = true
    this.#context.attach()
  }

  get #again(): Effect.Effect<never, ExchangeError> {
    return Effect.suspend(() =>
      Effect.fail(
        this.#context.failure ?? new BodyError({ url: this.url, reason: { _tag: "AlreadyConsumed" } })
      )
    )
  }
}
