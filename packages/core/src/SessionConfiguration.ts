/**
 * The immutable settings of a session.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AcceptPolicy } from "./CookieStorage.ts"
import type { CachePolicy } from "./internal/protocol/cacheStrategy.ts"
import type { ReferrerPolicy } from "./internal/protocol/referrer.ts"
import type { ServiceType } from "./internal/protocol/requestPolicy.ts"
import { version } from "./internal/version.ts"
import type * as Proxy from "./Proxy.ts"
import type { AlpnProtocol } from "./Transport.ts"

export type {
  /**
   * How much of a `Referer` that the caller has set another server may see after a redirect, by the names of the W3C's
   * Referrer Policy. Whatever it says, an https address is never told over plain http.
   *
   * @since 0.1.0
   * @category models
   */
  ReferrerPolicy
} from "./internal/protocol/referrer.ts"
export type {
  /**
   * What a request is for. It decides the priority of requests that name none: what somebody waits for goes before what
   * nobody waits for.
   *
   * @since 0.1.0
   * @category models
   */
  ServiceType
} from "./internal/protocol/requestPolicy.ts"

/**
 * All settings. Durations take anything that `Duration.decode` takes when they are made.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionConfiguration {
  /** A free label; it shows in messages. */
  readonly sessionDescription: string | undefined
  /**
   * Cookies, credentials, cached responses and HSTS are this session's own, in memory, whatever storages are provided, and are
   * gone when it ends. Off; `ephemeral` is such a configuration.
   */
  readonly isEphemeral: boolean
  /** The idle timer: how long to wait for the network without a byte moving. 60 seconds. */
  readonly timeoutIntervalForRequest: Duration.Duration
  /** The total timer of a task; it stands still only while the task is suspended. 7 days. */
  readonly timeoutIntervalForResource: Duration.Duration
  /** 6. Counts connections in use; a response that nobody reads does not count. */
  readonly httpMaximumConnectionsPerHost: number
  /** Added to every request where the request does not have the field itself. */
  readonly httpAdditionalHeaders: Readonly<Record<string, string>>
  /**
   * How the cache is used by requests that do not say it themselves: `useProtocolCachePolicy`, which is RFC 9111. The cache
   * itself is the `UrlCache` that is provided to the session.
   */
  readonly requestCachePolicy: CachePolicy
  /** `User-Agent` (RFC 9110 10.1.5) of requests that have none: `urlsession/` and the version. `""` sends none. */
  readonly userAgent: string
  /** `Accept` (RFC 9110 12.5.1) of requests that have none. Anything is accepted; `""` sends none. */
  readonly accept: string
  /**
   * The languages of `Accept-Language` (RFC 9110 12.5.4), preferred first: `["de-AT", "en"]`. None, unless said: a server
   * speaks for people of many languages. `systemLanguages` are those of this machine.
   */
  readonly acceptLanguages: ReadonlyArray<string>
  /** What a `Referer` of the caller's becomes on redirects to another origin. `strict-origin-when-cross-origin`. */
  readonly referrerPolicy: ReferrerPolicy
  /** What the requests of this session are for. `default`. */
  readonly networkServiceType: ServiceType
  /** Whether requests may go over mobile networks, where the platform can tell them apart. They may, unless said. */
  readonly allowsCellularAccess: boolean
  /** Whether requests may go over networks that cost by the byte, where the platform can tell. They may, unless said. */
  readonly allowsExpensiveNetworkAccess: boolean
  /** Whether requests may go over networks that were asked to be spared, where the platform can tell. They may, unless said. */
  readonly allowsConstrainedNetworkAccess: boolean
  /** How many redirects one task follows. 20. */
  readonly redirectLimit: number
  /** How many rounds of authentication one task makes, over all protection spaces. 20. */
  readonly authenticationRoundLimit: number
  /** Schemes of authentication that are never answered, by name: `["Basic", "NTLM"]`. None. */
  readonly disabledAuthenticationSchemes: ReadonlyArray<string>
  /**
   * Whether a server or proxy that has taken a strong scheme in a realm may ask for a weaker one there later; otherwise the
   * request fails with `DowngradeRefused`. Off.
   */
  readonly allowsAuthenticationDowngrade: boolean
  /** The schemes that a request may have, where the transport serves them. `http`, `https`, `data`. */
  readonly schemes: ReadonlyArray<string>
  /** The longest body, in bytes, that is collected as a whole; streams and files have no limit. 256 MiB. */
  readonly maximumBodyBytes: number
  /** The longest head of a response, in bytes. 64 KiB. */
  readonly maximumHeadBytes: number
  /** Keeps the caller's fields on redirects to other origins; off, and better left off. */
  readonly keepFieldsOnRedirect: boolean
  /** Whether requests carry the cookies of the session's storage. On; whoever switches it off may set `Cookie` by hand. */
  readonly httpShouldSetCookies: boolean
  /** Whose cookies are learned: `onlyFromMainDocumentDomain`, which without a main document is everybody's. */
  readonly httpCookieAcceptPolicy: AcceptPolicy
  /** How long an unused connection is kept. 60 seconds. */
  readonly idleConnectionTimeout: Duration.Duration
  /** How long closing waits for delegates to finish. 5 seconds. */
  readonly delegateGrace: Duration.Duration
  /** Keeps what is decided about every request, for `SessionTask.decisions`, spans and HAR files. Off, and free then. */
  readonly logDecisions: boolean
  readonly tlsMinimumVersion: "TLSv1.2" | "TLSv1.3"
  readonly tlsMaximumVersion: "TLSv1.2" | "TLSv1.3"
  /**
   * What is offered to servers over TLS, preferred first: `["h2", "http/1.1"]`. `["http/1.1"]` switches HTTP/2 off. A server
   * that knows no ALPN (RFC 7301), or nothing of what was offered, and every one without TLS, is spoken to in HTTP/1.1.
   */
  readonly alpnProtocols: ReadonlyArray<AlpnProtocol>
  /**
   * The proxies, and what each is for: the first rule that is for a URL counts. None by default: the environment is looked at
   * only by `Proxy.fromEnvironment`. A transport that lacks `ProxyControl` refuses to serve a session that has any.
   */
  readonly proxies: ReadonlyArray<Proxy.Rule>
  /**
   * Without a way to the network, wait for one instead of failing with `NotConnectedToInternet`; until there is a connection, or
   * the total timer ends it. Off.
   */
  readonly waitsForConnectivity: boolean
  /** The address of this machine that connections are made from: one of an interface. The system's choice unless said. */
  readonly localAddress: string | undefined
  /**
   * Only names whose addresses have been validated by DNSSEC. No platform's resolver says so: a session wants a `Resolver` that
   * does then, and is not made without one. Off.
   */
  readonly requiresDNSSECValidation: boolean
  /** Whether requests may go over networks that let hardly anything through, as by satellite. They may, unless said. */
  readonly allowsUltraConstrainedNetworkAccess: boolean
}

/**
 * What may be given to `make`: any part of the settings.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = {
  readonly [Key in keyof SessionConfiguration]?: SessionConfiguration[Key] extends Duration.Duration
    ? Duration.DurationInput
    : SessionConfiguration[Key]
}

/**
 * Settings from some parts; the rest is `default`. Numbers outside their range are brought into it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): SessionConfiguration => ({
  sessionDescription: options.sessionDescription,
  isEphemeral: options.isEphemeral ?? false,
  timeoutIntervalForRequest: Duration.decode(options.timeoutIntervalForRequest ?? "60 seconds"),
  timeoutIntervalForResource: Duration.decode(options.timeoutIntervalForResource ?? "7 days"),
  httpMaximumConnectionsPerHost: Math.max(1, Math.trunc(options.httpMaximumConnectionsPerHost ?? 6)),
  httpAdditionalHeaders: { ...options.httpAdditionalHeaders },
  requestCachePolicy: options.requestCachePolicy ?? "useProtocolCachePolicy",
  userAgent: options.userAgent ?? `urlsession/${version}`,
  accept: options.accept ?? "*/*",
  acceptLanguages: [...(options.acceptLanguages ?? [])],
  referrerPolicy: options.referrerPolicy ?? "strict-origin-when-cross-origin",
  networkServiceType: options.networkServiceType ?? "default",
  allowsCellularAccess: options.allowsCellularAccess ?? true,
  allowsExpensiveNetworkAccess: options.allowsExpensiveNetworkAccess ?? true,
  allowsConstrainedNetworkAccess: options.allowsConstrainedNetworkAccess ?? true,
  redirectLimit: Math.max(0, Math.trunc(options.redirectLimit ?? 20)),
  authenticationRoundLimit: Math.max(1, Math.trunc(options.authenticationRoundLimit ?? 20)),
  disabledAuthenticationSchemes: [...(options.disabledAuthenticationSchemes ?? [])],
  allowsAuthenticationDowngrade: options.allowsAuthenticationDowngrade ?? false,
  schemes: [...(options.schemes ?? ["http", "https", "data"])],
  maximumBodyBytes: Math.max(0, options.maximumBodyBytes ?? 256 * 1024 * 1024),
  maximumHeadBytes: Math.max(1024, options.maximumHeadBytes ?? 64 * 1024),
  keepFieldsOnRedirect: options.keepFieldsOnRedirect ?? false,
  httpShouldSetCookies: options.httpShouldSetCookies ?? true,
  httpCookieAcceptPolicy: options.httpCookieAcceptPolicy ?? "onlyFromMainDocumentDomain",
  idleConnectionTimeout: Duration.decode(options.idleConnectionTimeout ?? "60 seconds"),
  delegateGrace: Duration.decode(options.delegateGrace ?? "5 seconds"),
  logDecisions: options.logDecisions ?? false,
  tlsMinimumVersion: options.tlsMinimumVersion ?? "TLSv1.2",
  tlsMaximumVersion: options.tlsMaximumVersion ?? "TLSv1.3",
  alpnProtocols: offered(options.alpnProtocols ?? ["h2", "http/1.1"]),
  proxies: [...(options.proxies ?? [])],
  localAddress: options.localAddress,
  requiresDNSSECValidation: options.requiresDNSSECValidation ?? false,
  waitsForConnectivity: options.waitsForConnectivity ?? false,
  allowsUltraConstrainedNetworkAccess: options.allowsUltraConstrainedNetworkAccess ?? true
})

// ALPN has no empty list
const offered = (protocols: ReadonlyArray<AlpnProtocol>): ReadonlyArray<AlpnProtocol> =>
  protocols.length === 0 ? ["http/1.1"] : [...new Set(protocols)]

const default_: SessionConfiguration = make()
export {
  /**
   * Apple's `URLSessionConfiguration.default`, as far as a runtime without a system's stores can be.
   *
   * @since 0.1.0
   * @category constructors
   */
  default_ as default
}

/**
 * Apple's `URLSessionConfiguration.ephemeral`: two sessions of it share nothing, and nothing of either is left.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ephemeral: SessionConfiguration = make({ isEphemeral: true })

/**
 * The language that this machine speaks (ECMA-402), for `acceptLanguages`: as a region's and as such, `["de-AT", "de"]`.
 * It tells servers something about who runs the program, so nothing sends it unasked.
 *
 * @since 0.1.0
 * @category accessors
 */
export const systemLanguages: Effect.Effect<ReadonlyArray<string>> = Effect.sync(() => {
  const { locale } = new Intl.DateTimeFormat().resolvedOptions()
  const [language] = locale.split("-")
  return language === undefined || language === locale ? [locale] : [locale, language]
})
