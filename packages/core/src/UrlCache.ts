/**
 * The HTTP cache of a session (RFC 9111): responses in memory, and on a disk where a platform has one. A session that finds
 * this service when it is built uses it; one that does not has no cache.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type * as Scope from "effect/Scope"
import { CachedResponse } from "./CachedResponse.ts"
import { DiskTier } from "./internal/cache/diskTier.ts"
import { Entry, type StoredResponse } from "./internal/cache/entry.ts"
import { MemoryTier } from "./internal/cache/memoryTier.ts"
import type { CacheMode } from "./internal/protocol/cacheEntry.ts"
import { parseVary, varyMatches, varyPairs } from "./internal/protocol/vary.ts"
import { ResponseHead } from "./ResponseHead.ts"
import type { InvalidRequest } from "./SessionError.ts"
import { type Input, prepare } from "./SessionRequest.ts"
import type { WireRequest } from "./Transport.ts"

export {
  /**
   * One kept response, as a disk writes it down.
   *
   * @since 0.1.0
   * @category models
   */
  type StoredResponse
} from "./internal/cache/entry.ts"
export {
  /**
   * The responses of one URL and partition with another one, newest first, in place of the one to the same request.
   *
   * @since 0.1.0
   * @category combinators
   */
  merged
} from "./internal/cache/entry.ts"
export {
  /**
   * What a cache did with a request (RFC 9211), as a value.
   *
   * @since 0.1.0
   * @category models
   */
  type CacheStatus,
  /**
   * A `CacheStatus` as the value of the field of that name.
   *
   * @since 0.1.0
   * @category conversions
   */
  formatCacheStatus,
  /**
   * Why a request went on to the network (RFC 9211 2.2).
   *
   * @since 0.1.0
   * @category models
   */
  type ForwardReason
} from "./internal/protocol/cacheStatus.ts"
export {
  /**
   * Apple's `NSURLRequest.CachePolicy`.
   *
   * @since 0.1.0
   * @category models
   */
  type CachePolicy
} from "./internal/protocol/cacheStrategy.ts"

/**
 * How a cache is made. Sizes in bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** 4 MiB. */
  readonly memoryCapacity?: number
  /** The largest body that is kept; a twentieth of the larger capacity unless said. */
  readonly entryLimit?: number
  /**
   * A shared cache serves many users as if they were one: it takes nothing that is `private`, obeys `s-maxage` and RFC 9111
   * 3.5, and has no partitions. Off unless said.
   */
  readonly shared?: boolean
  /** Fields that speak to this cache alone, first the one that counts most (RFC 9213): `["CDN-Cache-Control"]`. None. */
  readonly targets?: ReadonlyArray<string>
}

/**
 * What a platform's disk does for a cache. None of it fails: a disk that cannot be read holds nothing, and one that cannot be
 * written keeps nothing. What is read has been checked to be what was written.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheDisk {
  readonly read: (url: string, partition: string) => Effect.Effect<ReadonlyArray<StoredResponse>>
  /** Beside what is there of the same URL and partition, as `merged` says. */
  readonly write: (stored: StoredResponse) => Effect.Effect<void>
  /** Of every partition, or of one. */
  readonly remove: (url: string, partition?: string) => Effect.Effect<void>
  readonly removeAll: Effect.Effect<void>
  /** What was kept at that moment, in milliseconds since the epoch, or later. */
  readonly removeSince: (at: number) => Effect.Effect<void>
  readonly capacity: () => number
  /** Makes room at once. */
  readonly setCapacity: (bytes: number) => Effect.Effect<void>
  /** Bytes. */
  readonly usage: Effect.Effect<number>
  /** 32 secret bytes that stay with the directory: partitions are hashed with them. */
  readonly partitionKey: Uint8Array
}

/**
 * What a session does with a cache, without a step of an effect where memory is enough.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheEntries {
  readonly mode: CacheMode
  readonly partitionKey: Uint8Array
  readonly entryLimit: () => number
  /** What is in memory; `undefined`: look at the disk. */
  readonly find: (url: string, partition: string) => ReadonlyArray<Entry> | undefined
  /** What is on the disk, brought into memory. */
  readonly load: (url: string, partition: string) => Effect.Effect<ReadonlyArray<Entry>>
  readonly put: (stored: StoredResponse) => void
  readonly remove: (url: string, partition?: string) => void
}

/**
 * A cache. No operation on it fails but for a request that is none.
 *
 * @since 0.1.0
 * @category models
 */
export interface UrlCacheService {
  /**
   * The response that is kept for a request, however old it is; `Vary` is looked at. Without a partition it is what was
   * answered to a request without credentials.
   */
  readonly get: (request: Input, partition?: string) => Effect.Effect<Option.Option<CachedResponse>, InvalidRequest>
  /** Keeps a response to a GET, in place of the one that was there for the same request. */
  readonly store: (
    response: CachedResponse,
    request: Input,
    partition?: string
  ) => Effect.Effect<void, InvalidRequest>
  /** Removes what is kept of a URL, for every partition. */
  readonly remove: (request: Input) => Effect.Effect<void, InvalidRequest>
  readonly removeAll: Effect.Effect<void>
  /** Removes what was kept at that moment or later. */
  readonly removeSince: (date: Date) => Effect.Effect<void>
  readonly usage: Effect.Effect<{
    readonly memory: number
    readonly disk: number
    /** In memory. */
    readonly entries: number
    readonly memoryCapacity: number
    readonly diskCapacity: number
  }>
  /** Changes capacities, in bytes; what is too much goes at once, the least recently used first. */
  readonly setCapacity: (capacity: { readonly memory?: number; readonly disk?: number }) => Effect.Effect<void>
  /** Returns when all that was to be written has been. */
  readonly flush: Effect.Effect<void>
  readonly entries: CacheEntries
}

/**
 * The service.
 *
 * @since 0.1.0
 * @category services
 */
export class UrlCache extends Context.Tag("@urlsession/core/UrlCache")<UrlCache, UrlCacheService>() {}

const mebibyte = 1024 * 1024

const withoutFragment = (href: string): string => {
  const hash = href.indexOf("#")
  return hash < 0 ? href : href.slice(0, hash)
}

const lookupOf = (request: WireRequest) => (name: string): string | undefined => {
  let found: string | undefined = undefined
  for (const field of request.fields) {
    if (field.name === name) found = found === undefined ? field.value : `${found}, ${field.value}`
  }
  return found
}

const nothingPublic: ReadonlySet<string> = new Set()

const wire = (request: Input): Effect.Effect<WireRequest, InvalidRequest> =>
  Effect.suspend(() => Either.map(prepare(request, nothingPublic), (prepared) => prepared.request))

/** Waits, and not for ever: a finalizer cannot be interrupted. */
const patience = "5 seconds"

const settle = (disk: DiskTier): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.forkDaemon(Effect.interruptible(Effect.timeoutOption(disk.settled, patience))),
    (fiber) => Effect.asVoid(fiber.await)
  )

/**
 * A cache in memory, over a disk where one is given. When the scope closes, what waits to be written is, for 5 seconds at
 * most.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {},
  disk?: CacheDisk
): Effect.Effect<UrlCacheService, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = Runtime.enableRuntimeFlag(yield* Effect.runtime<never>(), RuntimeFlags.Interruption)
    const tier = disk === undefined ? undefined : new DiskTier(disk, runtime)
    if (tier !== undefined) yield* Effect.addFinalizer(() => settle(tier))
    return serviceOf(options, new MemoryTier(Math.max(0, options.memoryCapacity ?? 4 * mebibyte)), disk, tier)
  })

const serviceOf = (
  options: Options,
  memory: MemoryTier,
  disk: CacheDisk | undefined,
  tier: DiskTier | undefined
): UrlCacheService => {
  const mode: CacheMode = {
    shared: options.shared ?? false,
    targets: (options.targets ?? []).map((name) => name.toLowerCase())
  }
  const diskCapacity = () => disk?.capacity() ?? 0
  const entryLimit = () => options.entryLimit ?? Math.floor(Math.max(memory.capacity, diskCapacity()) / 20)
  const entryOf = (stored: StoredResponse) => new Entry(stored, mode)

  const entries: CacheEntries = {
    mode,
    partitionKey: disk?.partitionKey ?? crypto.getRandomValues(new Uint8Array(32)),
    entryLimit,
    find: (url, partition) => {
      const found = memory.find(url, partition)
      return found.length === 0 && diskCapacity() > 0 ? undefined : found
    },
    load: (url, partition) =>
      tier === undefined
        ? Effect.succeed([])
        : Effect.map(tier.read(url, partition), (read) => {
          // one that came in the meantime is newer
          const known = memory.find(url, partition)
          if (known.length > 0) return known
          const loaded = read.map(entryOf)
          memory.set(url, partition, loaded)
          return loaded
        }),
    put: (stored) => {
      if (stored.storagePolicy === "notAllowed" || stored.body.length > entryLimit()) return
      memory.put(entryOf(stored))
      if (stored.storagePolicy === "allowed" && diskCapacity() > 0) tier?.write(stored)
    },
    remove: (url, partition) => {
      memory.remove(url, partition)
      if (diskCapacity() > 0) tier?.remove(url, partition)
    }
  }

  const kept = (url: string, partition: string): Effect.Effect<ReadonlyArray<Entry>> =>
    Effect.suspend(() => {
      const found = entries.find(url, partition)
      return found === undefined ? entries.load(url, partition) : Effect.succeed(found)
    })

  const whole = (run: (disk: CacheDisk) => Effect.Effect<void>): Effect.Effect<void> => tier?.whole(run) ?? Effect.void

  return {
    entries,
    get: (input, partition = "") =>
      Effect.flatMap(
        wire(input),
        (request) =>
          Effect.map(kept(withoutFragment(request.url.href), partition), (found) => {
            if (request.method !== "GET" && request.method !== "HEAD") return Option.none()
            const lookup = lookupOf(request)
            const entry = found.find((one) => one.part === undefined && varyMatches(one.vary, lookup))
            return Option.map(Option.fromNullable(entry), cachedResponseOf)
          })
      ),
    store: (response, input, partition = "") =>
      Effect.flatMap(wire(input), (request) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const names = parseVary(response.response.headers.getAll("vary"))
          if (request.method !== "GET" || names === undefined || response.response.status === 206) return
          entries.put({
            url: withoutFragment(request.url.href),
            partition,
            status: response.response.status,
            reason: response.response.reason,
            fields: response.response.headers,
            requestTime: now,
            responseTime: now,
            vary: varyPairs(names, lookupOf(request)),
            part: undefined,
            body: response.data.slice(),
            storedAt: now,
            storagePolicy: response.storagePolicy,
            userInfo: response.userInfo
          })
        })),
    remove: (input) => Effect.map(wire(input), (request) => entries.remove(withoutFragment(request.url.href))),
    removeAll: Effect.suspend(() => {
      memory.removeAll()
      return whole((one) => one.removeAll)
    }),
    removeSince: (date) =>
      Effect.suspend(() => {
        memory.removeSince(date.getTime())
        return whole((one) => one.removeSince(date.getTime()))
      }),
    usage: Effect.map(tier?.usage ?? Effect.succeed(0), (used) => ({
      memory: memory.used,
      disk: used,
      entries: memory.count,
      memoryCapacity: memory.capacity,
      diskCapacity: diskCapacity()
    })),
    setCapacity: (capacity) =>
      Effect.suspend(() => {
        if (capacity.memory !== undefined) memory.capacity = Math.max(0, capacity.memory)
        const bytes = capacity.disk
        return bytes === undefined ? Effect.void : whole((one) => one.setCapacity(Math.max(0, bytes)))
      }),
    flush: tier?.settled ?? Effect.void
  }
}

const cachedResponseOf = (entry: Entry): CachedResponse =>
  new CachedResponse({
    response: new ResponseHead({
      url: entry.url,
      status: entry.status,
      reason: entry.reason,
      headers: entry.fields
    }),
    data: entry.body.slice(),
    userInfo: entry.userInfo,
    storagePolicy: entry.storagePolicy
  })

/**
 * A cache in memory, to be provided to one session or to several.
 *
 * @example
 * ```ts
 * import { UrlCache, UrlSession } from "@urlsession/core"
 *
 * const Session = UrlSession.layer(undefined, UrlCache.layerMemory({ memoryCapacity: 32 * 1024 * 1024 }))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (options: Options = {}): Layer.Layer<UrlCache> => Layer.scoped(UrlCache, make(options))
