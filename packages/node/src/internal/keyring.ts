/** A key in the keyring of the system, by a package that is loaded only when it is asked for. */
import { CredentialStorageError } from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"

/** See `NodeCredentialStorage.KeyringEntry`. */
export interface KeyringEntry {
  readonly getPassword: () => Promise<string | null | undefined>
  readonly setPassword: (password: string) => Promise<unknown>
}

/** See `NodeCredentialStorage.LoadKeyring`. */
export type LoadKeyring = () => Promise<{
  readonly AsyncEntry: new(service: string, account: string) => KeyringEntry
}>

// not written as a literal, so that no compiler and no bundler asks for what may be absent
const packageName: string = "@napi-rs/keyring"
const loadPackage: LoadKeyring = () => import(packageName)

const isAbsent = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause &&
  (cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND")

export const keyringSecret = (
  service: string,
  account: string,
  load: LoadKeyring = loadPackage
): Effect.Effect<Redacted.Redacted<Uint8Array>, CredentialStorageError> => {
  const where = `the keyring entry ${service}/${account}`
  const unavailable = (detail: string) => (cause: unknown) =>
    new CredentialStorageError({ where, reason: "Unavailable", detail, cause })
  return Effect.gen(function*() {
    const { AsyncEntry } = yield* Effect.tryPromise({
      try: load,
      catch: (cause) =>
        unavailable(
          isAbsent(cause) ? `install ${packageName}@2, or give a passphrase` : `${packageName} could not be loaded`
        )(cause)
    })
    const entry = yield* Effect.try({
      try: () => new AsyncEntry(service, account),
      catch: unavailable("this system has no keyring: give a passphrase")
    })
    const get = Effect.tryPromise({
      try: () => entry.getPassword(),
      catch: unavailable("the keyring does not answer: unlock it, or give a passphrase")
    })
    const known = yield* get
    if (known === null || known === undefined) {
      yield* Effect.tryPromise({
        try: () => entry.setPassword(randomBytes(32).toString("base64")),
        catch: unavailable("the keyring takes no new entry: unlock it, or give a passphrase")
      })
    }
    // what counts is what the keyring has: another process may have made one at the same time
    const text = (yield* get) ?? ""
    const secret = Buffer.from(text, "base64")
    if (secret.length !== 32 || secret.toString("base64") !== text) {
      return yield* new CredentialStorageError({
        where,
        reason: "KeyUnusable",
        detail: "the entry holds something else: name another account"
      })
    }
    return Redacted.make<Uint8Array>(secret)
  })
}
