/** The session level of every slot, read once from the context that a session is built in. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BodyStreamProvider } from "../../BodyStreamProvider.ts"
import { CacheHandler } from "../../CacheHandler.ts"
import { ChallengeResolver } from "../../ChallengeResolver.ts"
import { Connectivity } from "../../Connectivity.ts"
import { ContentCodings } from "../../ContentCodings.ts"
import * as CookieStorage from "../../CookieStorage.ts"
import * as CredentialStorage from "../../CredentialStorage.ts"
import { Digests } from "../../Digests.ts"
import { Har } from "../../Har.ts"
import * as HstsStorage from "../../HstsStorage.ts"
import { HttpMetrics } from "../../HttpMetrics.ts"
import { Interceptors, NetworkInterceptors } from "../../Interceptor.ts"
import { RedirectHandler } from "../../RedirectHandler.ts"
import { ResponseHandler } from "../../ResponseHandler.ts"
import { RetryPolicy } from "../../RetryPolicy.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import type { TransportService } from "../../Transport.ts"
import { TransportSecurity } from "../../TransportSecurity.ts"
import * as UrlCache from "../../UrlCache.ts"
import { HarCollector } from "../har/collector.ts"
import { MetricsCollector } from "../metrics/metricsCollector.ts"
import type { Instrument } from "./instrument.ts"
import type { SessionSlots } from "./sessionState.ts"

const optional = <I, S>(tag: Context.Tag<I, S>): Effect.Effect<S | undefined> =>
  Effect.map(Effect.serviceOption(tag), Option.getOrUndefined)

const readInstruments: Effect.Effect<ReadonlyArray<Instrument>> = Effect.map(
  Effect.all([optional(Har), optional(HttpMetrics)]),
  (all) => all.filter((one) => one instanceof HarCollector || one instanceof MetricsCollector)
)

type Stores = Pick<SessionSlots, "hsts" | "cookies" | "credentials" | "urlCache">

const given: Effect.Effect<Stores> = Effect.gen(function*() {
  return {
    hsts: (yield* optional(HstsStorage.HstsStorage)) ?? (yield* HstsStorage.makeMemory),
    cookies: yield* optional(CookieStorage.CookieStorage),
    credentials: (yield* optional(CredentialStorage.CredentialStorage)) ?? (yield* CredentialStorage.makeMemory),
    urlCache: yield* optional(UrlCache.UrlCache)
  }
})

/** Of this session alone, whatever is there besides. */
const ownStores = (service: TransportService): Effect.Effect<Stores> =>
  Effect.gen(function*() {
    return {
      hsts: yield* HstsStorage.makeMemory,
      cookies: service.capabilities.has("CookieControl") ? yield* CookieStorage.makeMemory() : undefined,
      credentials: yield* CredentialStorage.makeMemory,
      // one without a disk has nothing to finish
      urlCache: yield* Effect.scoped(UrlCache.make())
    }
  })

export const readSlots = (
  { isEphemeral }: SessionConfiguration,
  service: TransportService
): Effect.Effect<SessionSlots> =>
  Effect.gen(function*() {
    return {
      ...yield* isEphemeral ? ownStores(service) : given,
      challenge: yield* optional(ChallengeResolver),
      redirect: yield* optional(RedirectHandler),
      response: yield* optional(ResponseHandler),
      body: yield* optional(BodyStreamProvider),
      security: yield* optional(TransportSecurity),
      connectivity: yield* optional(Connectivity),
      retry: yield* optional(RetryPolicy),
      codings: yield* optional(ContentCodings),
      digests: yield* optional(Digests),
      interceptors: (yield* optional(Interceptors)) ?? [],
      networkInterceptors: (yield* optional(NetworkInterceptors)) ?? [],
      cache: yield* optional(CacheHandler),
      instruments: yield* readInstruments
    }
  })
