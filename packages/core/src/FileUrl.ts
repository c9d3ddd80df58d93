/**
 * `file:` URLs (RFC 8089), for a session that is to serve them: an interceptor that reads files by the platform's `FileSystem`. A
 * session without it refuses them, and no redirect leads to one in either.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Interceptor from "./Interceptor.ts"
import { InvalidRequest, type InvalidRequestReason } from "./SessionError.ts"
import type { WireRequest, WireResponse } from "./Transport.ts"

/**
 * What is served.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Files below this directory and no others, wherever links lead; all that the process may read unless said. */
  readonly directory?: string
}

const pieceSize = FileSystem.KiB(256)

const refused = (request: WireRequest, reason: InvalidRequestReason, cause?: unknown): InvalidRequest =>
  new InvalidRequest({ url: request.url.href, reason, cause })

/** What cannot be opened for another reason has that one as its cause. */
const failing = (request: WireRequest, path: string) => (error: PlatformError): InvalidRequest =>
  refused(
    request,
    error._tag === "BadArgument"
      ? { _tag: "BadURL", input: request.url.href }
      : { _tag: error.reason === "NotFound" ? "FileDoesNotExist" : "NoPermissionsToReadFile", path },
    error
  )

/**
 * The interceptor, to stand among others of a session. It answers GET and HEAD with status 200, `content-length` and
 * `last-modified`; the body is read as its reader takes it. It fails with `InvalidRequest`: `FileDoesNotExist` (-1100),
 * `FileIsDirectory` (-1101; nor is anything else that is no regular file read), `NoPermissionsToReadFile` (-1102), `BadURL` for another
 * host's file, `SecurityPolicyViolation` for one outside `directory`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const interceptor = (
  options: Options = {}
): Effect.Effect<Interceptor.InterceptorService, never, FileSystem.FileSystem | Path.Path> =>
  Interceptor.make((request, proceed) => request.url.scheme === "file" ? answer(request, options) : proceed(request))

/**
 * A session's interceptors, where this is the only one.
 *
 * @example
 * ```ts
 * import { FileUrl, UrlSession } from "@urlsession/core"
 * import { NodeTransport } from "@urlsession/node"
 * import { NodeContext } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 *
 * const SessionLive = UrlSession.layer(undefined, FileUrl.layer({ directory: "/usr/share/doc" })).pipe(
 *   Layer.provide([NodeTransport.layer, NodeContext.layer])
 * )
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("file:///usr/share/doc/README"))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Interceptor.Interceptors, never, FileSystem.FileSystem | Path.Path> =>
  Interceptor.layer(interceptor(options))

const answer = (
  request: WireRequest,
  { directory }: Options
): Effect.Effect<WireResponse, InvalidRequest, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { method, url } = request
    if (method !== "GET" && method !== "HEAD") {
      return yield* refused(request, { _tag: "InvalidMethod", method, detail: "a file is read, by GET or HEAD" })
    }
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const named = yield* Effect.mapError(
      paths.fromFileUrl(new URL(url.href)),
      (error) => refused(request, { _tag: "BadURL", input: url.href }, error)
    )
    // Node answers it as it answers a file that may not be read
    if (named.includes("\0")) return yield* refused(request, { _tag: "BadURL", input: url.href })
    const failed = failing(request, named)
    // from here on it is the file itself: what a link leads to may change
    const path = yield* Effect.mapError(fs.realPath(named), failed)
    if (directory !== undefined) {
      const root = yield* Effect.mapError(fs.realPath(directory), failing(request, directory))
      const within = path.startsWith(root.endsWith(paths.sep) ? root : root + paths.sep)
      if (!within) {
        return yield* refused(request, {
          _tag: "SecurityPolicyViolation",
          rule: "files below the directory of FileUrl only"
        })
      }
    }
    const info = yield* Effect.mapError(fs.stat(path), failed)
    if (info.type !== "File") return yield* refused(request, { _tag: "FileIsDirectory", path: named })
    const length = Number(info.size)
    // what cannot be read is found before there is a response
    yield* Effect.mapError(Effect.scoped(fs.open(path, { flag: "r" })), failed)
    const head = {
      status: 200,
      headers: {
        "content-length": String(length),
        ...Option.match(info.mtime, { onNone: () => ({}), onSome: (at) => ({ "last-modified": at.toUTCString() }) })
      }
    }
    if (method === "HEAD") return Interceptor.respond(request, head)
    const body = length === 0
      ? Stream.empty
      : fs.stream(path, { bytesToRead: info.size, chunkSize: pieceSize })
    return yield* Interceptor.respondStream(request, { ...head, length }, body)
  })
