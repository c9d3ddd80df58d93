/** Client certificates on demand: whether a server asks for one, who is asked then, and what it means if it hangs up. */
import type { IdentityCredential } from "@urlsession/core/Credential"
import type { Roots } from "@urlsession/core/ServerTrust"
import { type ExchangeError, TlsError } from "@urlsession/core/SessionError"
import type { IdentityAnswer, IdentityAsker, TrustAsker, WireUrl } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import type { Attempt } from "./dial.ts"
import { codeOf, handshakeError } from "./errors.ts"
import type { TrustContext } from "./secureContext.ts"
import type { Shown } from "./trust.ts"

// what OpenSSL, Go and Java say where they go no further without a certificate
const wanting = /_ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|NO_CERTIFICATE|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)$/

const anyAlert = /_ALERT_/

/** What was given to a server that asked for a certificate, on one connection. */
export class ClientAuthentication {
  readonly #url: WireUrl
  readonly #asker: TrustAsker
  readonly #offered: IdentityCredential | undefined

  constructor(url: WireUrl, asker: TrustAsker, offered: IdentityCredential | undefined) {
    this.#url = url
    this.#asker = asker
    this.#offered = offered
  }

  /**
   * The connection has ended before the first byte of its first response. An identity that was given has been refused, and
   * one was needed where none was given, whether an alert says so or not: a server that does not read the request to its end
   * resets the connection, and its alert may be lost with it. Only an alert about something else says otherwise.
   */
  lossOf(cause: unknown, url: string): TlsError | undefined {
    if (this.#offered !== undefined) {
      this.#asker.identity?.refused(this.#url.host, this.#url.port, this.#offered)
      return new TlsError({ url, cause, reason: { _tag: "ClientCertificateRejected" } })
    }
    const code = codeOf(cause)
    return wanting.test(code) || !anyAlert.test(code)
      ? new TlsError({ url, cause, reason: { _tag: "ClientCertificateRequired" } })
      : undefined
  }
}

/** A handshake that did not come to its end. */
export class HandshakeFailed {
  readonly _tag = "HandshakeFailed"
  readonly error: Error | undefined
  /** What the server had presented by then, where it asked for a certificate. */
  readonly shown: Shown | undefined

  constructor(error: Error | undefined, shown: Shown | undefined) {
    this.error = error
    this.shown = shown
  }
}

/** A connection after its handshake, and what the server presented in it. */
export interface Opened {
  readonly attempt: Attempt
  readonly shown: Shown
}

/** A verdict, or the roots that one needs. */
export type Judged<Verdict> = { readonly verdict: Verdict; readonly retryWith?: undefined } | {
  readonly retryWith: Roots
}

/** What a secure connection is made of, one step after the other. */
export interface Steps<Verdict> {
  readonly url: WireUrl
  readonly asker: TrustAsker
  /** `roots` in place of the asker's own. */
  readonly contextOf: (
    offered: IdentityCredential | undefined,
    roots: Roots | undefined
  ) => Effect.Effect<TrustContext, ExchangeError>
  /** Connects, in the place of what it connected before. */
  readonly open: (context: TrustContext) => Effect.Effect<Opened, ExchangeError | HandshakeFailed>
  /** Judges a server by what it presented. Where an attempt is given, its end is the answer. `final`: with no other roots. */
  readonly judge: (
    shown: Shown,
    context: TrustContext,
    attempt: Attempt | undefined,
    final: boolean
  ) => Effect.Effect<Judged<Verdict>, ExchangeError>
  readonly ask: (asker: IdentityAsker) => Effect.Effect<IdentityAnswer, ExchangeError>
  /** What the end of a connection means that was not used yet. */
  readonly broken: (attempt: Attempt) => ExchangeError
}

/** A connection whose server has been judged and, if it wanted to know who we are, been answered. */
export interface Secured<Verdict> {
  readonly attempt: Attempt
  readonly verdict: Verdict
  /** Where the server asked for a certificate. */
  readonly client: ClientAuthentication | undefined
}

/**
 * Makes a secure connection. A server that asks for a certificate, and whose question has no answer yet, is judged; then the
 * decider is asked, and with an identity the connection is made anew, once.
 */
export const secured = <Verdict>(steps: Steps<Verdict>): Effect.Effect<Secured<Verdict>, ExchangeError> =>
  Effect.suspend(() => {
    const asker = steps.asker.identity
    if (asker === undefined) return attempted(steps, undefined, undefined, undefined)
    const known = asker.known(steps.url.host, steps.url.port)
    return known === undefined
      ? attempted(steps, undefined, asker, undefined)
      : attempted(steps, known.identity, undefined, undefined)
  })

// `asker`: is asked if the server asks
const attempted = <Verdict>(
  steps: Steps<Verdict>,
  offered: IdentityCredential | undefined,
  asker: IdentityAsker | undefined,
  roots: Roots | undefined
): Effect.Effect<Secured<Verdict>, ExchangeError> => {
  const client = new ClientAuthentication(steps.url, steps.asker, offered)
  const or = (
    without: Effect.Effect<Secured<Verdict>, ExchangeError>
  ): Effect.Effect<Secured<Verdict>, ExchangeError> =>
    asker === undefined
      ? without
      : Effect.flatMap(
        steps.ask(asker),
        ({ identity }) => identity === undefined ? without : attempted(steps, identity, undefined, roots)
      )
  const judged = (
    shown: Shown,
    context: TrustContext,
    attempt: Attempt | undefined,
    then: (verdict: Verdict) => Effect.Effect<Secured<Verdict>, ExchangeError>
  ): Effect.Effect<Secured<Verdict>, ExchangeError> =>
    Effect.flatMap(steps.judge(shown, context, attempt, roots !== undefined), (answer) =>
      answer.retryWith === undefined
        ? then(answer.verdict)
        : attempted(steps, offered, asker, answer.retryWith))
  return Effect.flatMap(steps.contextOf(offered, roots), (context) =>
    Effect.matchEffect(steps.open(context), {
      onSuccess: ({ attempt, shown }) =>
        shown.asks
          // Whatever becomes of the connection: what is against the client counts only if the server is who it should be.
          ? judged(shown, context, undefined, (verdict) => or(whole(steps, { attempt, verdict, client })))
          : judged(shown, context, attempt, (verdict) => whole(steps, { attempt, verdict, client: undefined })),
      onFailure: (failure) =>
        failure._tag !== "HandshakeFailed"
          ? Effect.fail(failure)
          : failure.shown === undefined
          ? Effect.fail(handshakeError(failure.error, steps.url.href))
          // some servers go no further without a certificate
          : judged(
            failure.shown,
            context,
            undefined,
            () => or(turnedAway(failure.error, client, steps.url.href))
          )
    }))
}

const whole = <Verdict>(
  steps: Steps<Verdict>,
  made: Secured<Verdict>
): Effect.Effect<Secured<Verdict>, ExchangeError> =>
  Effect.suspend(() =>
    made.attempt.broken
      ? Effect.fail(made.client?.lossOf(made.attempt.brokenBy, steps.url.href) ?? steps.broken(made.attempt))
      : Effect.succeed(made)
  )

const turnedAway = (
  error: Error | undefined,
  client: ClientAuthentication,
  url: string
): Effect.Effect<never, ExchangeError> =>
  Effect.suspend(() => Effect.fail(client.lossOf(error, url) ?? handshakeError(error, url)))
