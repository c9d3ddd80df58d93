/**
 * Cookies in a file that only its owner may read: replaced as a whole, so that a crash leaves the old one or the new one,
 * and shared by any number of processes.
 *
 * @since 0.1.0
 */
import type { CookieControl } from "@urlsession/core/Capability"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { cookieFile } from "./internal/cookieFile.ts"

/**
 * A storage in a file. Its folder is made where it is missing, and a link stays one. Values are in clear text, the mode is
 * 0600. Of a file that is damaged, what is whole is kept: `problems` and a warning say how much that was, and a copy of it
 * stands beside it as `.damaged`. Fails with `CookieStorageError` where the file cannot be read, or was written by a later
 * version. Changes are written half a second later, by `flush`, and at the end of the scope; where that fails they stay in
 * memory, which `problems` tells.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeFile = (
  path: string,
  options: CookieStorage.PersistentOptions = {}
): Effect.Effect<CookieStorage.CookieStorageService, CookieStorage.CookieStorageError, Scope.Scope> =>
  CookieStorage.makePersistent(cookieFile(path), options)

/**
 * The same as a Layer.
 *
 * @example
 * ```ts
 * import { SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { NodeCookieStorage, NodeSession } from "@urlsession/node"
 * import { Effect } from "effect"
 *
 * const Session = NodeSession.layer(SessionConfiguration.default, NodeCookieStorage.layerFile("/var/lib/robot/cookies"))
 *
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://example.com/"))
 *
 * program.pipe(Effect.provide(Session), Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFile = (
  path: string,
  options: CookieStorage.PersistentOptions = {}
): Layer.Layer<CookieStorage.CookieStorage, CookieStorage.CookieStorageError, CookieControl> =>
  Layer.scoped(CookieStorage.CookieStorage, makeFile(path, options))
