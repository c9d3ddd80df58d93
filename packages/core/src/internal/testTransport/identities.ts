/** The client certificates of a scripted session: which host asks, who answers, and what a refusal leads to. */
import * as Effect from "effect/Effect"
import type { IdentityCredential } from "../../Credential.ts"
import type { AuthenticationError, ExchangeError } from "../../SessionError.ts"
import type { ExchangeControl, IdentityAnswer, WireRequest } from "../../Transport.ts"

/** See the head of this file. Each host asks once per decider, as if its connection were kept. */
export class ScriptedIdentities {
  readonly #asks: (host: string, port: number) => boolean
  readonly #connections = new Map<string, WeakMap<ExchangeControl["trust"], IdentityAnswer>>()

  constructor(asks: ((host: string, port: number) => boolean) | undefined) {
    this.#asks = asks ?? (() => false)
  }

  /** The identity that a request goes with. */
  of(
    request: WireRequest,
    control: ExchangeControl
  ): Effect.Effect<IdentityCredential | undefined, AuthenticationError> {
    return Effect.suspend(() => {
      const { host, port, scheme } = request.url
      const asker = control.trust.identity
      if (scheme !== "https" || asker === undefined || !this.#asks(host, port)) return Effect.succeed(undefined)
      const connections = this.#connectionsOf(request)
      const kept = connections.get(control.trust) ?? asker.known(host, port)
      if (kept !== undefined) return Effect.succeed(kept.identity)
      return Effect.map(asker.ask(host, port), (answer) => {
        connections.set(control.trust, answer)
        return answer.identity
      })
    })
  }

  /** What a failure says of the identity that the request went with. */
  failed(
    error: ExchangeError,
    identity: IdentityCredential | undefined,
    request: WireRequest,
    control: ExchangeControl
  ): void {
    if (identity === undefined || error._tag !== "TlsError" || error.reason._tag !== "ClientCertificateRejected") return
    this.#connectionsOf(request).delete(control.trust)
    control.trust.identity?.refused(request.url.host, request.url.port, identity)
  }

  /** Later requests are on other connections. */
  flush(): void {
    this.#connections.clear()
  }

  #connectionsOf(request: WireRequest): WeakMap<ExchangeControl["trust"], IdentityAnswer> {
    const { origin } = request.url
    const known = this.#connections.get(origin) ?? new WeakMap<ExchangeControl["trust"], IdentityAnswer>()
    this.#connections.set(origin, known)
    return known
  }
}
