/**
 * Where cookies are kept between requests (RFC 6265bis 5.7 and 5.8): parsed, judged, bounded, and found again. A session
 * that is built with a storage sends and learns cookies; one without does neither.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Order from "effect/Order"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { CookieControl } from "./Capability.ts"
import type { Cookie } from "./Cookie.ts"
import { makePersistentService } from "./internal/cookies/persistence.ts"
import { makeService } from "./internal/cookies/service.ts"
import { CookieStorageError } from "./internal/cookies/storageError.ts"
import type { InvalidRequest } from "./SessionError.ts"

/**
 * Whose cookies are kept: everybody's, nobody's, or those of the main document's host and of the hosts above it. Where a
 * request says no main document, the last keeps everybody's too.
 *
 * @since 0.1.0
 * @category models
 */
export type AcceptPolicy = "always" | "never" | "onlyFromMainDocumentDomain"

/**
 * What is asked about: a URL, or one that has been parsed (`WireUrl`).
 *
 * @since 0.1.0
 * @category models
 */
export type CookieUrl = string | URL | { readonly scheme: string; readonly host: string; readonly target: string }

/**
 * On whose behalf a request is made. A client without documents says nothing, and then every request is of its own site.
 *
 * @since 0.1.0
 * @category models
 */
export interface CookieContext {
  /** The page that a request belongs to: for `onlyFromMainDocumentDomain`, and for whatever is not said below. */
  readonly mainDocumentUrl?: string | URL
  /** The "site for cookies" (RFC 6265bis 5.2), which `SameSite` is judged by. `mainDocumentUrl` unless said. */
  readonly siteForCookies?: string | URL
  /** A user goes to this page, so that `Lax` cookies go along with a safe method. */
  readonly isTopLevelNavigation?: boolean
  /** `GET` unless said. */
  readonly method?: string
  /** A redirect has led out of the site before. */
  readonly hasLeftSite?: boolean
  /**
   * The partition of `Partitioned` cookies, as `https://example.com`. Unless said, the site of the document, else that of
   * `siteForCookies`, else that of the URL itself.
   */
  readonly partitionKey?: string
  /** `false` for what plays the part of a script: it neither sees nor sets `HttpOnly`. */
  readonly isHttpApi?: boolean
  /** Instead of the storage's. */
  readonly acceptPolicy?: AcceptPolicy
}

/**
 * Why a cookie was not kept: a control character; neither name nor value; more than 4,096 octets; a domain that nobody owns,
 * or of somebody else; other characters than ASCII in domain or path; `Secure` from a URL that is not, or missing where
 * `SameSite=None` or `Partitioned` need it; in the way of a secure one; `HttpOnly` and a script; another site; a name whose
 * prefix promises more; the accept policy.
 *
 * @since 0.1.0
 * @category models
 */
export type Refusal =
  | "ControlCharacter"
  | "Empty"
  | "TooLong"
  | "PublicSuffix"
  | "OtherDomain"
  | "NotAscii"
  | "NotSecure"
  | "OverlaysSecure"
  | "HttpOnly"
  | "CrossSite"
  | "Prefix"
  | "Policy"

/**
 * What became of one line: kept (or kept as it was), not kept since it is over already, with its older like removed, or refused. `name` is cut at 128 characters.
 *
 * @since 0.1.0
 * @category models
 */
export type Received =
  | { readonly _tag: "Stored"; readonly cookie: Cookie }
  | { readonly _tag: "Removed"; readonly cookie: Cookie }
  | { readonly _tag: "Refused"; readonly name: string; readonly reason: Refusal }

/**
 * A change of the storage, by whomever. Removed ones have been deleted, have expired, or gave way to others.
 *
 * @since 0.1.0
 * @category models
 */
export type Change =
  | {
    readonly _tag: "CookiesChanged"
    readonly stored: ReadonlyArray<Cookie>
    readonly removed: ReadonlyArray<Cookie>
  }
  | { readonly _tag: "AcceptPolicyChanged"; readonly policy: AcceptPolicy }
  | { readonly _tag: "ProblemFound"; readonly problem: Problem }

/**
 * What is wrong with the place where cookies are kept. `Damaged`: so many cookies were whole, so many lines were not, and
 * a copy of what was found has been put beside it. `NotWritten`: changes are in memory only, and are tried again with the next.
 *
 * @since 0.1.0
 * @category models
 */
export type Problem =
  | { readonly _tag: "Damaged"; readonly where: string; readonly kept: number; readonly lost: number }
  | { readonly _tag: "NotWritten"; readonly where: string; readonly error: CookieStorageError }

export {
  /**
   * The place where cookies are kept cannot be used. `where` is its name or path.
   *
   * @since 0.1.0
   * @category errors
   */
  CookieStorageError
} from "./internal/cookies/storageError.ts"

/**
 * Why a cookie of a host's domain does not go along: it has expired, is another host's alone, belongs to another path, needs a
 * secure URL, is hidden from scripts, belongs to another partition, or the request comes out of another site.
 *
 * @since 0.1.0
 * @category models
 */
export type Withheld = "Expired" | "OtherHost" | "OtherPath" | "NotSecure" | "HttpOnly" | "OtherPartition" | "CrossSite"

/**
 * What goes along to a URL, and what does not although its domain is right.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly sent: ReadonlyArray<Cookie>
  readonly withheld: ReadonlyArray<{ readonly cookie: Cookie; readonly why: Withheld }>
}

/**
 * What `importCookiesTxt` did: `skipped` are the numbers of the lines, from 1, that are no cookies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Imported {
  readonly cookies: ReadonlyArray<Cookie>
  readonly skipped: ReadonlyArray<number>
}

/**
 * A storage. What takes a URL fails with `InvalidRequest` where it is none, and for nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface CookieStorageService {
  /** Every cookie that has not expired, in the order of their arrival. */
  readonly all: Effect.Effect<ReadonlyArray<Cookie>>
  /** How many there are. */
  readonly size: Effect.Effect<number>
  readonly sorted: (order: Order.Order<Cookie>) => Effect.Effect<ReadonlyArray<Cookie>>
  /** What goes along to a URL: longer paths first, then older ones (RFC 6265bis 5.8.3). */
  readonly cookies: (
    url: CookieUrl,
    context?: CookieContext
  ) => Effect.Effect<ReadonlyArray<Cookie>, InvalidRequest>
  /** The same, with what does not go along and why. */
  readonly explain: (url: CookieUrl, context?: CookieContext) => Effect.Effect<Explanation, InvalidRequest>
  /** The first of them with this name. */
  readonly get: (
    url: CookieUrl,
    name: string,
    context?: CookieContext
  ) => Effect.Effect<Option.Option<Cookie>, InvalidRequest>
  /** The value of the `Cookie` field for a URL; `undefined` where nothing goes along. They count as used. */
  readonly cookieHeader: (
    url: CookieUrl,
    context?: CookieContext
  ) => Effect.Effect<string | undefined, InvalidRequest>
  /** Keeps a cookie in place of the one with its name, domain and path; an expired one removes that. */
  readonly set: (cookie: Cookie) => Effect.Effect<void>
  /** Keeps those whose domain belongs to the URL, as the policy says. */
  readonly setAll: (
    cookies: Iterable<Cookie>,
    url: CookieUrl,
    context?: CookieContext
  ) => Effect.Effect<void, InvalidRequest>
  /** Takes the `Set-Cookie` lines of a response to this URL, one cookie each, and says what became of them. */
  readonly setFromResponse: (
    url: CookieUrl,
    setCookieLines: Iterable<string>,
    context?: CookieContext
  ) => Effect.Effect<ReadonlyArray<Received>, InvalidRequest>
  /** Removes a cookie; one that is not there is no fault. */
  readonly remove: (cookie: Cookie) => Effect.Effect<void>
  /** Removes what goes along to a URL under this name. */
  readonly removeFor: (url: CookieUrl, name: string, context?: CookieContext) => Effect.Effect<void, InvalidRequest>
  readonly removeAll: Effect.Effect<void>
  /** Removes what was created after that time, in milliseconds since the epoch. */
  readonly removeSince: (time: number | Date) => Effect.Effect<void>
  /** `onlyFromMainDocumentDomain` to begin with. A session has its own, which counts for it. */
  readonly acceptPolicy: Effect.Effect<AcceptPolicy>
  readonly setAcceptPolicy: (policy: AcceptPolicy) => Effect.Effect<void>
  /** Every change from now on; who falls 256 behind loses the oldest. */
  readonly changes: Stream.Stream<Change>
  /** Changes, subscribed to by the time it returns. */
  readonly subscribe: Effect.Effect<Stream.Stream<Change>, never, Scope.Scope>
  /** What has been found wrong so far with the place where they are kept. */
  readonly problems: Effect.Effect<ReadonlyArray<Problem>>
  /** Writes what is not written yet, and takes over what other processes have written. Nothing to do in memory. */
  readonly flush: Effect.Effect<void, CookieStorageError>
  /** Reads a `cookies.txt` as curl writes it. Lines that nobody could have set are skipped. */
  readonly importCookiesTxt: (text: string) => Effect.Effect<Imported>
  /** A `cookies.txt` for curl, secrets and all. Cookies without a name, or with a tab in them, have no place in it. */
  readonly exportCookiesTxt: Effect.Effect<string>
}

/**
 * The service. A session without it has no cookies: a server's process works for many users, who must not share them unasked.
 *
 * @since 0.1.0
 * @category services
 */
export class CookieStorage extends Context.Tag("@urlsession/core/CookieStorage")<
  CookieStorage,
  CookieStorageService
>() {}

/**
 * How much is kept. The draft asks for 50 of a domain and 3,000 in all, at least; what is unused for longest goes first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** 180. */
  readonly maximumCookiesPerDomain?: number
  /** 3,000. */
  readonly maximumCookies?: number
  /** `onlyFromMainDocumentDomain` unless said. */
  readonly acceptPolicy?: AcceptPolicy
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PersistentOptions extends Options {
  /** Writes cookies too that are to end with the process; off unless said. */
  readonly keepSessionCookies?: boolean
  /** How long changes are gathered before they are written; 500 milliseconds. */
  readonly writeDelay?: Duration.DurationInput
}

/**
 * A place that holds one text, which has the secrets in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  /** For messages. */
  readonly where: string
  /** `undefined` where nothing has been written. */
  readonly read: Effect.Effect<string | undefined, CookieStorageError>
  /** Replaces the text by what is made of it: at once or not at all, and nobody else writes in between. */
  readonly update: (change: (text: string | undefined) => string) => Effect.Effect<void, CookieStorageError>
  /** Puts aside a text that was damaged. */
  readonly putAside: (text: string) => Effect.Effect<void, CookieStorageError>
}

/**
 * A storage in memory, gone with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (options: Options = {}): Effect.Effect<CookieStorageService> =>
  Effect.map(makeService(options), ({ service }) => service)

/**
 * A storage in memory whose changes are written to a place after a moment, by `flush`, and at the end of the scope. Several
 * processes may share a place: each writes what it has changed, and takes over the rest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePersistent = (
  place: Place,
  options: PersistentOptions = {}
): Effect.Effect<CookieStorageService, CookieStorageError, Scope.Scope> => makePersistentService(place, options)

/**
 * A storage in memory, to be shared between sessions. A platform that keeps cookies to itself, as `fetch` does, lacks
 * `CookieControl`.
 *
 * @example
 * ```ts
 * import { CookieStorage, SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { NodeTransport } from "@urlsession/node"
 * import { Layer } from "effect"
 *
 * const Live = UrlSession.layer(SessionConfiguration.default, CookieStorage.layerMemory).pipe(
 *   Layer.provide(NodeTransport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CookieStorage, never, CookieControl> = Layer.effect(CookieStorage, makeMemory())

/**
 * The same with other limits.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemoryWith = (options: Options): Layer.Layer<CookieStorage, never, CookieControl> =>
  Layer.effect(CookieStorage, makeMemory(options))

const placeIn = (store: KeyValueStore.KeyValueStore, key: string): Place => {
  const fails = (reason: CookieStorageError["reason"]) => (cause: unknown) =>
    new CookieStorageError({ where: key, reason, cause })
  const read = Effect.mapBoth(store.get(key), { onFailure: fails("Unreadable"), onSuccess: Option.getOrUndefined })
  const write = (under: string, text: string) => Effect.mapError(store.set(under, text), fails("Unwritable"))
  return {
    where: key,
    read,
    update: (change) => Effect.flatMap(read, (text) => write(key, change(text))),
    putAside: (text) => write(`${key}.damaged`, text)
  }
}

/**
 * A storage that is written under one key of a `KeyValueStore`, whose values are not encrypted. One process at a time: such a
 * store has no way to keep others out. Fails with `CookieStorageError` where it cannot be read.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options: PersistentOptions & {
    /** `urlsession.cookies` unless said. */
    readonly key?: string
  } = {}
): Layer.Layer<CookieStorage, CookieStorageError, KeyValueStore.KeyValueStore | CookieControl> =>
  Layer.scoped(
    CookieStorage,
    Effect.flatMap(
      KeyValueStore.KeyValueStore,
      (store) => makePersistent(placeIn(store, options.key ?? "urlsession.cookies"), options)
    )
  )
