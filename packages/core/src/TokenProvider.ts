/**
 * Keeps a bearer token (RFC 6750) fresh: one refresh at a time, whoever and however many need it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { BearerChallenge } from "./AuthenticationChallenge.ts"
import type { BearerHandler } from "./ChallengeResolver.ts"
import { equals, type TokenCredential } from "./Credential.ts"
import * as Disposition from "./Disposition.ts"
import { capture, refreshingKey } from "./internal/capture.ts"
import { matches, type SpacePattern } from "./ProtectionSpace.ts"
import { isLoopback } from "./TransportSecurity.ts"

/**
 * A token, and how to get another one. `E` is what a refresh may fail with.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenProvider<out E = never> {
  /** The token: the one that is there, or a new one where there is none or its time is nearly over. */
  readonly current: Effect.Effect<TokenCredential, E>
  /** Another token than the one that was refused; the one that is there where that is another one already. */
  readonly renew: (refused: TokenCredential) => Effect.Effect<TokenCredential, E>
  /** Forgets the token; the next one who needs it gets a new one. */
  readonly forget: Effect.Effect<void>
}

/**
 * How a token is got.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<out E, out R> {
  /**
   * Gets a new token; `previous` is the one that has come to its end. Its own requests may go through the very session that the
   * token is for: they carry none, and nobody is asked about them.
   */
  readonly refresh: (previous: Option.Option<TokenCredential>) => Effect.Effect<TokenCredential, E, R>
  /** One to begin with. */
  readonly initial?: TokenCredential
  /** So long before its end a token is replaced, but never before half of its time is over. 30 seconds. */
  readonly leeway?: Duration.DurationInput
}

/** Which providers a fiber is refreshing: it must not wait for itself. */
class Refreshing extends Context.Reference<Refreshing>()(refreshingKey, {
  defaultValue: (): ReadonlyArray<object> => []
}) {}

interface Flight<E> {
  readonly fiber: Fiber.RuntimeFiber<TokenCredential, E>
  waiting: number
}

class Provider<E> implements TokenProvider<E> {
  readonly #refresh: (previous: Option.Option<TokenCredential>) => Effect.Effect<TokenCredential, E>
  readonly #leeway: number
  #token: TokenCredential | undefined
  /** Until when it is good, in milliseconds since the epoch. */
  #until: number
  #flight: Flight<E> | undefined = undefined
  /** Changes where the token is forgotten: what is under way then is not kept. */
  #epoch = 0

  constructor(
    refresh: (previous: Option.Option<TokenCredential>) => Effect.Effect<TokenCredential, E>,
    initial: TokenCredential | undefined,
    leeway: number,
    now: number
  ) {
    this.#refresh = refresh
    this.#leeway = leeway
    this.#token = initial
    this.#until = initial === undefined ? 0 : this.#usableUntil(initial, now)
  }

  #usableUntil({ expiresAt }: TokenCredential, now: number): number {
    return expiresAt === undefined ? Infinity : expiresAt - Math.min(this.#leeway, Math.max(0, (expiresAt - now) / 2))
  }

  readonly current: Effect.Effect<TokenCredential, E> = Effect.suspend(() => this.#get(undefined))

  readonly renew = (refused: TokenCredential): Effect.Effect<TokenCredential, E> =>
    Effect.suspend(() => this.#get(refused))

  readonly forget: Effect.Effect<void> = Effect.sync(() => {
    this.#epoch++
    this.#token = undefined
  })

  #get(refused: TokenCredential | undefined): Effect.Effect<TokenCredential, E> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const token = this.#token
      const good = token !== undefined && now < this.#until && (refused === undefined || !equals(token, refused))
      return good ? Effect.succeed(token) : this.#wait
    })
  }

  /** The refresh belongs to all who wait for it: it goes on while there is one, whoever has begun it. */
  readonly #wait: Effect.Effect<TokenCredential, E> = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(this.#board, (flight) => {
      flight.waiting++
      return Effect.onExit(restore(Fiber.join(flight.fiber)), () =>
        Effect.suspend(() => {
          if (--flight.waiting > 0 || this.#flight !== flight) return Effect.void
          this.#flight = undefined
          return Effect.asVoid(Effect.forkDaemon(Fiber.interrupt(flight.fiber)))
        }))
    })
  )

  readonly #board: Effect.Effect<Flight<E>> = Effect.suspend(() => {
    if (this.#flight !== undefined) return Effect.succeed(this.#flight)
    const epoch = this.#epoch
    const work = Effect.flatMap(Refreshing, (within) =>
      Effect.provideService(
        Effect.suspend(() => this.#refresh(Option.fromNullable(this.#token))),
        Refreshing,
        [...within, this]
      ))
    const kept = Effect.flatMap(work, (token) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (epoch === this.#epoch) {
          this.#token = token
          this.#until = this.#usableUntil(token, now)
        }
        return token
      }))
    return Effect.map(Effect.forkDaemon(Effect.interruptible(kept)), (fiber) => {
      const flight: Flight<E> = { fiber, waiting: 0 }
      this.#flight = flight
      fiber.addObserver((_: Exit.Exit<TokenCredential, E>) => {
        if (this.#flight === flight) this.#flight = undefined
      })
      return flight
    })
  })
}

/**
 * A provider. The services that `refresh` needs are those of the place where this is run.
 *
 * However many ask at a time, there is one refresh; all of them get its token or its error. It goes on while anybody waits for it,
 * and is interrupted with the last one. An error is not kept: the next one who asks tries again.
 *
 * @example
 * ```ts
 * import { ChallengeResolver, Credential, TokenProvider } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * declare const logIn: Effect.Effect<{ readonly access_token: string; readonly expires_at: number }, "Refused">
 *
 * const Delegate = Layer.unwrapEffect(Effect.gen(function*() {
 *   const tokens = yield* TokenProvider.make({
 *     refresh: () =>
 *       Effect.map(logIn, ({ access_token, expires_at }) =>
 *         Credential.token({ token: access_token, expiresAt: expires_at }))
 *   })
 *   return ChallengeResolver.layer({ Bearer: TokenProvider.bearer({ origin: "https://api.example.com" }, tokens) })
 * }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(options: Options<E, R>): Effect.Effect<TokenProvider<E>, never, R> =>
  Effect.zipWith(capture<R>(), Clock.currentTimeMillis, (run, now) =>
    new Provider(
      (previous) => run(options.refresh(previous)),
      options.initial,
      Duration.toMillis(options.leeway ?? "30 seconds"),
      now
    ))

/** So often a task may have a token refused that was only just refreshed. */
const attempts = 2

const originOf = (pattern: SpacePattern): string | undefined => {
  try {
    return new URL(pattern.origin).origin
  } catch {
    return undefined
  }
}

const isSecure = (origin: string): boolean => {
  const { hostname, protocol } = new URL(origin)
  return protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""))
}

/**
 * The Bearer entry of a resolver, for one origin: its requests carry the token before they are asked, and one that is refused is
 * replaced. What is refused for another reason (`insufficient_scope`) is not: the 401 is the result then. Over plain http to another
 * machine a token is given only where `allowInsecure` says so.
 *
 * @since 0.1.0
 * @category handlers
 */
export const bearer = <E>(
  pattern: SpacePattern,
  provider: TokenProvider<E>,
  options: { readonly allowInsecure?: boolean } = {}
): BearerHandler => {
  const origin = originOf(pattern)
  const allowed = origin !== undefined && (options.allowInsecure === true || isSecure(origin))
  const unlessOwn = <A, F>(otherwise: A, effect: Effect.Effect<A, F>): Effect.Effect<A, F> =>
    Effect.flatMap(
      Refreshing,
      (within): Effect.Effect<A, F> => within.some((one) => one === provider) ? Effect.succeed(otherwise) : effect
    )
  const answer = (challenge: BearerChallenge): Effect.Effect<Disposition.Disposition<TokenCredential>, E> => {
    if (!allowed || !matches(pattern, challenge.space)) return Effect.succeed(Disposition.next)
    if (challenge.error === "insufficient_scope" || challenge.previousFailureCount >= attempts) {
      return Effect.succeed(Disposition.useNone)
    }
    const refused = Option.getOrUndefined(challenge.proposedCredential)
    return unlessOwn<Disposition.Disposition<TokenCredential>, E>(
      Disposition.next,
      Effect.map(
        refused === undefined ? provider.current : provider.renew(refused),
        (token) => refused !== undefined && equals(token, refused) ? Disposition.useNone : Disposition.use(token)
      )
    )
  }
  return {
    _tag: "SpaceHandler",
    answer,
    ahead: (asked) =>
      allowed && asked === origin
        ? unlessOwn(Option.none<TokenCredential>(), Effect.map(provider.current, Option.some))
        : Effect.succeed(Option.none())
  }
}
