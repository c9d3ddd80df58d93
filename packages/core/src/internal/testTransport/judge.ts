/** How a scripted host is judged. */
import * as Effect from "effect/Effect"
import * as ServerTrust from "../../ServerTrust.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { ExchangeControl, WireRequest } from "../../Transport.ts"

/** The second handshake of a connection. */
const again = (
  trust: ServerTrust.ServerTrust,
  decide: NonNullable<ExchangeControl["trust"]["decide"]>,
  url: string
): Effect.Effect<boolean, ExchangeError> =>
  Effect.flatMap(decide(trust), (decision) =>
    decision.retryWith === undefined
      ? Effect.succeed(decision.overridden)
      : Effect.fail(ServerTrust.undecided(trust, url)))

/** The trust questions of one session: each host is asked once per decider, as if its connection were kept. */
export const judge = (trustOf: (host: string, port: number) => ServerTrust.ServerTrust) => {
  const known = new Map<string, WeakMap<ExchangeControl["trust"], boolean>>()
  return (request: WireRequest, control: ExchangeControl): Effect.Effect<boolean, ExchangeError> =>
    Effect.suspend(() => {
      const { url } = request
      if (url.scheme !== "https") return Effect.succeed(false)
      const askers = known.get(url.origin) ?? new WeakMap<ExchangeControl["trust"], boolean>()
      known.set(url.origin, askers)
      const before = askers.get(control.trust)
      if (before !== undefined) return Effect.succeed(before)
      const trust = trustOf(url.host, url.port)
      const { decide } = control.trust
      const asked = decide !== undefined
        ? Effect.flatMap(decide(trust), (decision) =>
          decision.retryWith === undefined
            ? Effect.succeed(decision.overridden)
            : again(trustOf(url.host, url.port), decide, url.href))
        : trust.trusted
        ? Effect.succeed(false)
        : Effect.fail(ServerTrust.refusal(trust, url.href))
      return Effect.tap(asked, (overridden) => Effect.sync(() => askers.set(control.trust, overridden)))
    })
}
