/**
 * Asks about kept responses while they are being used (stale-while-revalidate, RFC 5861 3): a task of the session's own, once
 * for each at a time, that ends with the session at the latest.
 */
import * as Effect from "effect/Effect"
import type { WireRequest } from "../../Transport.ts"
import type { Entry } from "../cache/entry.ts"
import { askedBy } from "../protocol/cacheStrategy.ts"
import { ExchangeContext } from "../session/exchangeContext.ts"
import { forEachChunk } from "../session/readBody.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Keeping, Sent } from "./cacheKeeping.ts"
import { conditional, holds } from "./cacheServing.ts"
import type { Exchange } from "./exchange.ts"

/** See the head of this file. */
export class Refreshing {
  readonly #session: SessionState
  readonly #keeping: Keeping
  readonly #next: Exchange
  readonly #running = new Set<string>()

  constructor(session: SessionState, keeping: Keeping, next: Exchange) {
    this.#session = session
    this.#keeping = keeping
    this.#next = next
  }

  begin(entry: Entry, request: WireRequest, by: ExchangeContext): Effect.Effect<void> {
    const key = `${entry.partition} ${entry.url} ${JSON.stringify(entry.vary)}`
    if (this.#running.has(key) || !this.#session.isOpen) return Effect.void
    this.#running.add(key)
    const work = Effect.ensuring(
      this.#refresh(entry, request, by),
      Effect.sync(() => this.#running.delete(key))
    )
    return Effect.map(Effect.forkDaemon(Effect.interruptible(work)), (fiber) => this.#session.track(fiber))
  }

  #refresh(entry: Entry, request: WireRequest, by: ExchangeContext): Effect.Effect<void> {
    const session = this.#session
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        if (!session.isOpen) return Effect.void
        const context = new ExchangeContext(
          session,
          request,
          undefined,
          by.options,
          {},
          false,
          by.trust,
          session.requestTimeout
        )
        // nobody has asked for it, so nobody is told
        context.observed = false
        context.instrumented = false
        session.rejoin(context)
        context.startClock()
        const sent: Sent = {
          request,
          asked: askedBy(request.method, request.fields),
          requestTime: session.wheel.now()
        }
        const asking = Effect.suspend(() => this.#next(conditional(request, entry, false), context))
        const work = Effect.flatMap(asking, (response) => {
          if (holds(response, entry)) {
            response.body.cancel()
            this.#keeping.freshened(sent, entry, response, context)
            return Effect.void
          }
          const detail = "stale-while-revalidate (RFC 5861 3)"
          const kept = this.#keeping.received(sent, response, context, { hit: false, forward: "stale", detail })
          return forEachChunk(kept.body, context, () => undefined)
        })
        return Effect.map(Effect.exit(restore(work)), () => context.complete(undefined, false))
      })
    )
  }
}
