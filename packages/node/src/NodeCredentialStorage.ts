/**
 * Credentials that outlive the process, in an encrypted file; the key from a passphrase, from 32 bytes, or from the keyring of the
 * system. And the user's `.netrc`.
 *
 * @since 0.1.0
 */
import * as CredentialSource from "@urlsession/core/CredentialSource"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readFile, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { credentialFile } from "./internal/credentialFile.ts"
import { keyringSecret, type LoadKeyring } from "./internal/keyring.ts"
import { type Key as SealerKey, makeSealer, maximumCost, minimumCost } from "./internal/sealer.ts"

/**
 * What a file is encrypted with: a passphrase or 32 bytes. Made by `passphrase`, `bytes` and `keyring`.
 *
 * @since 0.1.0
 * @category models
 */
export type Key = SealerKey

/**
 * A passphrase, from which the key is made by scrypt (RFC 7914) with r = 8, p = 1 and N = 2^`cost`: 17 unless said, which takes
 * 128 MiB and a good part of a second, once for each storage; from 14 to 20. A file that is there keeps the cost that it was made
 * with.
 *
 * @since 0.1.0
 * @category constructors
 */
export const passphrase = (secret: Redacted.Redacted, options: { readonly cost?: number } = {}): Key => ({
  _tag: "Passphrase",
  passphrase: secret,
  cost: Math.min(Math.max(Math.floor(options.cost ?? 17), minimumCost), maximumCost)
})

/**
 * A key of 32 random bytes, out of a key management of yours. Other lengths fail with `KeyUnusable`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bytes = (secret: Redacted.Redacted<Uint8Array>): Key => ({ _tag: "Bytes", bytes: secret })

/**
 * A key that is kept in the keyring of the system (Keychain, Credential Manager, Secret Service), made at random the first time.
 * Needs the package `@napi-rs/keyring` of version 2, which is not installed with this one; without it, and where there is no
 * keyring, fails with `Unavailable`. Whoever deletes the entry makes the file unreadable. A keyring has no way to keep others out,
 * so two processes that both make the first key at the same moment may disagree: the one that writes later fails with `WrongKey`,
 * and is right when it is started again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyring = (options: {
  /** The name of the program, as the keyring shows it. */
  readonly service: string
  /** `credentials` unless said. */
  readonly account?: string
  /** Instead of the package: what `import("@napi-rs/keyring")` gives. */
  readonly load?: LoadKeyring
}): Effect.Effect<Key, CredentialStorage.CredentialStorageError> =>
  Effect.map(keyringSecret(options.service, options.account ?? "credentials", options.load), bytes)

export type {
  /**
   * The part of `@napi-rs/keyring` that is used.
   *
   * @since 0.1.0
   * @category models
   */
  KeyringEntry,
  /**
   * @since 0.1.0
   * @category models
   */
  LoadKeyring
} from "./internal/keyring.ts"

/**
 * Encrypts with AES-256-GCM, a new nonce each time; what opens it is the same key alone. For `CredentialStorage.layerKeyValueStore`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sealer = (key: Key): CredentialStorage.Sealer => makeSealer(key)

/**
 * @since 0.1.0
 * @category models
 */
export interface FileOptions {
  /** Its folder is made where it is missing, and a link stays one. */
  readonly path: string
  readonly key: Key | Effect.Effect<Key, CredentialStorage.CredentialStorageError>
  /** For how long another process that is writing is waited for, in milliseconds; 15,000. */
  readonly lockPatience?: number
}

/**
 * A storage whose permanent credentials are in one encrypted file of mode 0600: a looser mode is tightened when the file is read.
 * It is replaced as a whole, so that a crash leaves the old one or the new one, and any number of processes may share it.
 * Fails with `CredentialStorageError` where the file cannot be opened, and leaves it as it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeFile = (
  options: FileOptions
): Effect.Effect<
  CredentialStorage.CredentialStorageService,
  CredentialStorage.CredentialStorageError,
  Scope.Scope
> =>
  Effect.flatMap(
    "_tag" in options.key && (options.key._tag === "Passphrase" || options.key._tag === "Bytes")
      ? Effect.succeed(options.key)
      : options.key,
    (key) => CredentialStorage.makePersistent(credentialFile(options.path, makeSealer(key), options.lockPatience))
  )

/**
 * The same as a Layer.
 *
 * @example
 * ```ts
 * import { NodeCredentialStorage, NodeSession } from "@urlsession/node"
 * import { SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { Config, Effect, Layer } from "effect"
 *
 * const Storage = Layer.unwrapEffect(
 *   Effect.map(Config.redacted("ROBOT_PASSPHRASE"), (secret) =>
 *     NodeCredentialStorage.layerFile({
 *       path: "/var/lib/robot/credentials",
 *       key: NodeCredentialStorage.passphrase(secret)
 *     }))
 * )
 *
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://example.com/")).pipe(
 *   Effect.provide(NodeSession.layer(SessionConfiguration.default, Storage))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFile = (
  options: FileOptions
): Layer.Layer<CredentialStorage.CredentialStorage, CredentialStorage.CredentialStorageError> =>
  Layer.scoped(CredentialStorage.CredentialStorage, makeFile(options))

/**
 * The user's `.netrc`, read once: of `path`, else of the variable `NETRC`, else `.netrc` in the home folder. A file that is not
 * there is an empty source. One that others can read is read with a warning, as curl does; with `strict` it fails with `TooOpen`.
 * See `CredentialSource.fromNetrc` for what it understands.
 *
 * @since 0.1.0
 * @category constructors
 */
export const netrc = (
  options: CredentialSource.NetrcOptions & { readonly path?: string; readonly strict?: boolean } = {}
): Effect.Effect<CredentialSource.CredentialSource, CredentialStorage.CredentialStorageError> => {
  const named = process.env["NETRC"]
  const path = options.path ?? (named === undefined || named === "" ? join(homedir(), ".netrc") : named)
  const fails = (reason: CredentialStorage.CredentialStorageError["reason"], cause?: unknown) =>
    new CredentialStorage.CredentialStorageError({ where: path, reason, ...(cause === undefined ? {} : { cause }) })
  const isAbsent = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"
  const nothing: CredentialSource.CredentialSource = { credentials: () => [] }
  return Effect.gen(function*() {
    const found = yield* Effect.tryPromise({ try: () => stat(path), catch: (cause) => fails("Unreadable", cause) })
    if (!found.isFile()) return yield* fails("NotCredentials")
    if (process.platform !== "win32" && (found.mode & 0o077) !== 0) {
      const error = fails("TooOpen")
      if (options.strict === true) return yield* error
      yield* Effect.logWarning(error.message)
    }
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, "utf8"),
      catch: (cause) => fails("Unreadable", cause)
    })
    return yield* Option.match(CredentialSource.fromNetrc(Redacted.make(text), options), {
      onNone: () => Effect.fail(fails("Damaged")),
      onSome: (source) => Effect.succeed(source)
    })
  }).pipe(Effect.catchIf((error) => isAbsent(error.cause), () => Effect.succeed(nothing)))
}
