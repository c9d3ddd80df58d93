/**
 * Carries out an exchange of messages of an `AuthenticationScheme`: one sending of the request for each, over one connection where
 * the scheme is bound to that.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SchemeChallenge, SchemeError, SchemeExchange } from "../../AuthenticationScheme.ts"
import type { PasswordCredential } from "../../Credential.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { Affinity } from "../session/affinity.ts"
import type { SchemeUse } from "../session/authenticationMemory.ts"
import type { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import { withAuthorization } from "./authorization.ts"
import type { Exchange } from "./exchange.ts"
import { recoverable } from "./recover.ts"

/** What a stage does with the responses. */
export interface Ends {
  /** The challenge of this scheme in a response, if there is one. */
  readonly challengeIn: (response: WireResponse) => SchemeChallenge | undefined
  /** One more round; fails where there have been too many. */
  readonly round: (response: WireResponse) => Effect.Effect<void, ExchangeError>
  readonly refused: (response: WireResponse) => Effect.Effect<WireResponse, ExchangeError>
  readonly accepted: (response: WireResponse) => Effect.Effect<WireResponse, ExchangeError>
}

const failure = (error: SchemeError, { space }: SchemeChallenge, request: WireRequest): AuthenticationError => {
  const named = space.toString()
  const { detail } = error
  return new AuthenticationError({
    url: request.url.href,
    cause: error,
    reason: error.reason === "CredentialUnusable"
      ? { _tag: "CredentialUnusable", space: named, detail }
      : error.reason === "ServerNotAuthenticated"
      ? { _tag: "ServerNotAuthenticated", space: named }
      : { _tag: "ExchangeFailed", space: named, detail }
  })
}

/** One run over one connection at most. */
class Run {
  readonly #next: Exchange
  readonly #request: WireRequest
  readonly #context: ExchangeContext
  readonly #challenge: SchemeChallenge
  readonly #exchange: SchemeExchange
  readonly #affinity: Affinity | undefined
  readonly #ends: Ends
  readonly #anew: (fresh: boolean) => Effect.Effect<WireResponse, ExchangeError>
  /** The first message goes over a connection that nobody has used. */
  readonly #fresh: boolean
  #heard = false

  constructor(
    next: Exchange,
    request: WireRequest,
    context: ExchangeContext,
    challenge: SchemeChallenge,
    exchange: SchemeExchange,
    affinity: Affinity | undefined,
    ends: Ends,
    fresh: boolean,
    anew: (fresh: boolean) => Effect.Effect<WireResponse, ExchangeError>
  ) {
    this.#next = next
    this.#request = request
    this.#context = context
    this.#challenge = challenge
    this.#exchange = exchange
    this.#affinity = affinity
    this.#ends = ends
    this.#fresh = fresh
    this.#anew = anew
  }

  send(): Effect.Effect<WireResponse, ExchangeError> {
    const affinity = this.#affinity
    const request = this.#request
    const { method, url } = request
    const value = this.#step(
      this.#exchange.next({ method, target: url.target, connection: affinity?.held?.info })
    )
    return Effect.flatMap(value, (message) => {
      // whoever waited for the message may have lost the connection meanwhile
      if (affinity?.pinned === true && affinity.held === undefined) return this.#anew(false)
      affinity?.sending()
      const sent = this.#sent(withAuthorization(request, Redacted.value(message)))
      const answered = Effect.flatMap(sent, (response) => this.#answered(response))
      return affinity === undefined ? answered : Effect.catchAll(answered, (error) => this.#lost(error, affinity))
    })
  }

  #sent(request: WireRequest): Effect.Effect<WireResponse, ExchangeError> {
    const context = this.#context
    if (!this.#fresh || this.#heard) return this.#next(request, context)
    context.fresh = true
    return Effect.ensuring(
      this.#next(request, context),
      Effect.sync(() => {
        context.fresh = false
      })
    )
  }

  #answered(response: WireResponse): Effect.Effect<WireResponse, ExchangeError> {
    if (response.status !== 401) return this.#accepted(response)
    const challenge = this.#ends.challengeIn(response)
    if (challenge === undefined) return this.#refused(response)
    return Effect.flatMap(this.#step(this.#exchange.challenged(challenge), response), (verdict) => {
      if (verdict === "Refused") return this.#refusedMessage(response)
      this.#heard = true
      return Effect.flatMap(this.#ends.round(response), () => {
        response.body.cancel()
        const affinity = this.#affinity
        if (affinity === undefined) return this.send()
        return Effect.flatMap(affinity.settled, () => {
          affinity.pin()
          return affinity.held === undefined ? this.#anew(false) : this.send()
        })
      })
    })
  }

  // a connection that is this user's already may have no ear for a beginning
  #refusedMessage(response: WireResponse): Effect.Effect<WireResponse, ExchangeError> {
    const known = this.#affinity !== undefined && !this.#heard && this.#context.transaction.reused
    if (!known || this.#fresh) return this.#refused(response)
    response.body.cancel()
    return this.#anew(true)
  }

  #accepted(response: WireResponse): Effect.Effect<WireResponse, ExchangeError> {
    const { fields, status } = response
    return Effect.flatMap(this.#step(this.#exchange.accepted({ status, fields }), response), () => {
      this.#affinity?.finish()
      return this.#ends.accepted(response)
    })
  }

  #refused(response: WireResponse): Effect.Effect<WireResponse, ExchangeError> {
    this.#affinity?.close()
    return this.#ends.refused(response)
  }

  // a connection that ends between two messages: nothing was refused
  #lost(error: ExchangeError, affinity: Affinity): Effect.Effect<WireResponse, ExchangeError> {
    const pinned = affinity.holding && affinity.pinned
    return pinned && recoverable(this.#request, error) ? this.#anew(false) : Effect.fail(error)
  }

  #step<A>(step: Effect.Effect<A, SchemeError>, response?: WireResponse): Effect.Effect<A, ExchangeError> {
    return Effect.mapError(this.#context.enclose(step), (error) => {
      if (error._tag !== "SchemeError") return error
      response?.body.cancel()
      this.#affinity?.close()
      return failure(error, this.#challenge, this.#request)
    })
  }
}

/** Runs a scheme for a request from its first message on. */
export const exchangeMessages = (
  next: Exchange,
  request: WireRequest,
  context: ExchangeContext,
  use: SchemeUse,
  credential: PasswordCredential,
  state: AuthenticationState,
  ends: Ends,
  fresh = false
): Effect.Effect<WireResponse, ExchangeError> => {
  const { challenge, scheme } = use
  const anew = (onFresh: boolean): Effect.Effect<WireResponse, ExchangeError> => {
    if (!onFresh && state.begunAnew) {
      const detail = "the server closes its connections in the middle of it, which this scheme cannot bear"
      const reason = { _tag: "ExchangeFailed", space: challenge.space.toString(), detail } as const
      return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
    }
    state.begunAnew ||= !onFresh
    return exchangeMessages(next, request, context, use, credential, state, ends, fresh || onFresh)
  }
  context.affinity?.close()
  const affinity = scheme.binding === "connection" ? new Affinity(use.user, context) : undefined
  context.affinity = affinity
  const begun = Effect.mapError(
    context.enclose(scheme.begin(challenge, credential)),
    (error) => error._tag === "SchemeError" ? failure(error, challenge, request) : error
  )
  return Effect.flatMap(begun, (exchange) => {
    affinity?.begin()
    return new Run(next, request, context, challenge, exchange, affinity, ends, fresh, anew).send()
  })
}

/**
 * A request of a user whose connections may have been authenticated already. Where this one has not been, the server says so, and
 * an exchange begins.
 */
export const overOwnConnection = (
  next: Exchange,
  request: WireRequest,
  context: ExchangeContext,
  { user }: SchemeUse
): Effect.Effect<WireResponse, ExchangeError> => {
  context.affinity = new Affinity(user, context)
  return next(request, context)
}
