/**
 * A cache on a disk: one file for each URL and partition, in a directory that several processes may share.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { FileSystem } from "@effect/platform/FileSystem"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { makeDisk } from "./internal/cacheDisk.ts"

/**
 * How it is made. Sizes in bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends UrlCache.Options {
  /**
   * Made where it is not there, for this user alone. It belongs to the cache: whatever else lies in it may be removed.
   */
  readonly directory: string
  /** 20 MiB. */
  readonly diskCapacity?: number
}

/**
 * A cache in memory and in a directory. It never fails and is never waited for by a reader of a response: a directory that
 * cannot be made, read or written is one that holds nothing. A file is written under another name and renamed, so a process
 * that dies leaves no half of one; it is not synchronised to the medium, since its hash tells after a power cut whether it is
 * whole. A file that is not what was written is removed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<UrlCache.UrlCacheService, never, FileSystem | Scope.Scope> =>
  Effect.flatMap(FileSystem, (fs) =>
    Effect.flatMap(
      makeDisk(fs, options.directory, Math.max(0, options.diskCapacity ?? 20 * 1024 * 1024)),
      (disk) => UrlCache.make(options, disk)
    ))

/**
 * A cache in memory and in a directory, to be provided to one session or to several.
 *
 * @example
 * ```ts
 * import { UrlSession } from "@urlsession/core"
 * import { NodeSession, NodeUrlCache } from "@urlsession/node"
 * import { Effect } from "effect"
 *
 * const Session = NodeSession.layer(
 *   undefined,
 *   NodeUrlCache.layer({ directory: "/var/cache/my-program/http", diskCapacity: 200 * 1024 * 1024 })
 * )
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://example.com/"))
 *
 * program.pipe(Effect.provide(Session), Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<UrlCache.UrlCache> =>
  Layer.provide(Layer.scoped(UrlCache.UrlCache, make(options)), NodeFileSystem.layer)
