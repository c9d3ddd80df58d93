/** H(body) of a request, which `auth-int` puts into its answer (RFC 7616 3.4.3): a body that streams is run once for it. */
import * as Effect from "effect/Effect"
import type { DigestsService, HashName } from "../../Digests.ts"
import type { DelegateFailed, ExchangeError, InvalidRequest } from "../../SessionError.ts"
import type { BodySource, BodySourceSink, Closeable, StreamedBody, WireRequestBody } from "../../Transport.ts"
import { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"

const whole = (bytes: Uint8Array, hash: HashName, digests: DigestsService): string => {
  const hasher = digests.hasher(hash)
  hasher.update(bytes)
  return hasher.digest()
}

const empty = new Uint8Array(0)

/** Pulls a body to its end and keeps nothing of it but its hash. */
class HashedBody implements BodySourceSink, Closeable {
  readonly #context: ExchangeContext
  readonly #hasher: ReturnType<DigestsService["hasher"]>
  readonly #resume: (effect: Effect.Effect<string, ExchangeError>) => void
  readonly #source: BodySource
  #wanted = false
  #pulling = false
  #suspended = false

  constructor(
    body: StreamedBody,
    context: ExchangeContext,
    hasher: ReturnType<DigestsService["hasher"]>,
    resume: (effect: Effect.Effect<string, ExchangeError>) => void
  ) {
    this.#context = context
    this.#hasher = hasher
    this.#resume = resume
    this.#source = body.open(this)
  }

  begin(): void {
    // what a body takes to be made is not the network's time
    this.#context.networkWait(false)
    this.#context.register(this)
    this.#context.pausable = this
    this.#next()
  }

  onPiece(borrowed: Uint8Array): void {
    this.#hasher.update(borrowed)
    this.#next()
  }
  onEnd(): void {
    this.#leave()
    this.#resume(Effect.succeed(this.#hasher.digest()))
  }
  onError(error: InvalidRequest | DelegateFailed): void {
    this.#leave()
    this.#resume(Effect.fail(error))
  }

  /** A suspended task makes no more of its body. */
  pause(): void {
    this.#suspended = true
  }
  resume(): void {
    this.#suspended = false
    if (this.#wanted) this.#next()
  }

  close(): void {
    this.#source.close()
  }
  /** Nobody waits for it any more. */
  abandon(): void {
    this.#leave()
  }

  #next(): void {
    this.#wanted = true
    // the answer may come within the call, so a loop and no recursion
    if (this.#pulling) return
    this.#pulling = true
    while (this.#wanted && !this.#suspended) {
      this.#wanted = false
      this.#source.pull()
    }
    this.#pulling = false
  }

  #leave(): void {
    this.#wanted = false
    this.#source.close()
    this.#context.pausable = undefined
    this.#context.unregister(this)
    this.#context.unpark()
  }
}

const streamed = (
  body: StreamedBody,
  hash: HashName,
  context: ExchangeContext,
  digests: DigestsService
): Effect.Effect<string, ExchangeError> =>
  Effect.async((resume) => {
    if (!context.park(resume)) return
    const hashed = new HashedBody(body, context, digests.hasher(hash), resume)
    hashed.begin()
    return Effect.sync(() => hashed.abandon())
  })

/** The hash, made once for a task and a body. It is given up when the task is ended from outside. */
export const bodyHash = (
  body: WireRequestBody | undefined,
  hash: HashName,
  context: ExchangeContext,
  digests: DigestsService
): Effect.Effect<string, ExchangeError> => {
  if (body === undefined) return Effect.succeed(whole(empty, hash, digests))
  const state = context.authentication ??= new AuthenticationState(
    context.session.configuration.authenticationRoundLimit
  )
  const known = state.bodyHash
  if (known !== undefined && known.body === body && known.hash === hash) return Effect.succeed(known.value)
  const keep = (value: string): string => {
    state.bodyHash = { body, hash, value }
    return value
  }
  return body._tag === "Bytes"
    ? Effect.succeed(keep(whole(body.bytes, hash, digests)))
    : Effect.map(streamed(body, hash, context, digests), keep)
}
