/**
 * Where credentials are kept between tasks, by protection space, with one default each.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { equals, type PasswordCredential } from "./Credential.ts"
import type { CredentialSource } from "./CredentialSource.ts"
import { makePersistentService } from "./internal/credentials/persistence.ts"
import { makeService } from "./internal/credentials/service.ts"
import { CredentialStorageError } from "./internal/credentials/storageError.ts"
import type { ProtectionSpace } from "./ProtectionSpace.ts"

export {
  /**
   * The place where credentials are kept cannot be used; the message says what to do, and no secret. `where` is its name or
   * path.
   *
   * `Unreadable` and `Unwritable`: the system says no, see `cause`. `Locked`: another process does not let go. `NotCredentials`:
   * there is something else. `Foreign`: another version wrote it. `Damaged`: cut off, or changed since it was written.
   * `WrongKey`: it is whole, and opens with another key. `KeyUnusable`: the key is none. `TooOpen`: others may read what should
   * be secret. `Unavailable`: what it needs is not installed, or not there. Nothing is overwritten in any of these cases.
   *
   * @since 0.1.0
   * @category errors
   */
  CredentialStorageError
} from "./internal/credentials/storageError.ts"

/**
 * A storage of credentials. No operation of it fails but `flush`: where a permanent place cannot be written, the change is in
 * memory, a warning is logged, `failures` tells, and it is written with the next change. `changes` emits the space of each real
 * change.
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialStorageService {
  /** Every credential of a space, by user name. */
  readonly credentials: (space: ProtectionSpace) => Effect.Effect<ReadonlyMap<string, PasswordCredential>>
  readonly allCredentials: Effect.Effect<
    ReadonlyArray<readonly [ProtectionSpace, ReadonlyMap<string, PasswordCredential>]>
  >
  /** Keeps a credential; one with persistence `none` is not kept. The first of a space becomes its default. */
  readonly set: (credential: PasswordCredential, space: ProtectionSpace) => Effect.Effect<void>
  /** Removes a credential; one that is not there is no fault. */
  readonly remove: (credential: PasswordCredential, space: ProtectionSpace) => Effect.Effect<void>
  readonly defaultCredential: (space: ProtectionSpace) => Effect.Effect<Option.Option<PasswordCredential>>
  /** Makes a credential the default of a space, and keeps it. */
  readonly setDefaultCredential: (credential: PasswordCredential, space: ProtectionSpace) => Effect.Effect<void>
  /** Removes everything, what is written too. */
  readonly removeAll: Effect.Effect<void>
  readonly changes: Stream.Stream<ProtectionSpace>
  /** What could not be written, from now on; who falls 16 behind loses the oldest. Empty where nothing is written. */
  readonly failures: Stream.Stream<CredentialStorageError>
  /** Writes what is not written yet, and takes over what other processes have written. Nothing to do in memory. */
  readonly flush: Effect.Effect<void, CredentialStorageError>
}

/**
 * The service. A session without it keeps credentials for itself, in memory.
 *
 * @since 0.1.0
 * @category services
 */
export class CredentialStorage extends Context.Tag("@urlsession/core/CredentialStorage")<
  CredentialStorage,
  CredentialStorageService
>() {}

/**
 * A place that holds one text, which has passwords in it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  /** For messages. */
  readonly where: string
  /** `undefined` where nothing has been written. */
  readonly read: Effect.Effect<string | undefined, CredentialStorageError>
  /**
   * Replaces the text by what is made of it: at once or not at all, and nobody else writes in between. `undefined` leaves it as
   * it is, and so does a failure.
   */
  readonly update: (
    change: (text: string | undefined) => Either.Either<string | undefined, CredentialStorageError>
  ) => Effect.Effect<void, CredentialStorageError>
}

/**
 * Encrypts the text of a place, and finds out whether somebody has changed it since. `where` is for messages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sealer {
  readonly seal: (text: string, where: string) => Effect.Effect<Uint8Array, CredentialStorageError>
  /** Fails with `WrongKey`, `Damaged`, `Foreign` or `NotCredentials`. */
  readonly open: (sealed: Uint8Array, where: string) => Effect.Effect<string, CredentialStorageError>
}

/**
 * A storage in memory, gone with the process. `permanent` is kept as `session` is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<CredentialStorageService> = Effect.map(makeService(), ({ service }) => service)

/**
 * A storage in memory whose `permanent` credentials are written to a place at once, in the background, and at the end of the
 * scope. Several processes may share a place: each makes its changes to what is there by then, and takes over the rest. Fails
 * where the place cannot be read, and leaves it as it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePersistent = (
  place: Place
): Effect.Effect<CredentialStorageService, CredentialStorageError, Scope.Scope> => makePersistentService(place)

/**
 * A storage in memory, to be shared between sessions.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CredentialStorage> = Layer.effect(CredentialStorage, makeMemory)

const placeIn = (store: KeyValueStore.KeyValueStore, key: string, sealer: Sealer | undefined): Place => {
  const fails = (reason: "Unreadable" | "Unwritable") => (cause: unknown) =>
    new CredentialStorageError({ where: key, reason, cause })
  const opened = (text: string): Effect.Effect<string, CredentialStorageError> => {
    if (sealer === undefined) return Effect.succeed(text)
    const bytes = Encoding.decodeBase64(text)
    return bytes._tag === "Left"
      ? Effect.fail(new CredentialStorageError({ where: key, reason: "NotCredentials" }))
      : sealer.open(bytes.right, key)
  }
  const sealed = (text: string): Effect.Effect<string, CredentialStorageError> =>
    sealer === undefined ? Effect.succeed(text) : Effect.map(sealer.seal(text, key), Encoding.encodeBase64)
  const read = Effect.flatMap(
    Effect.mapError(store.get(key), fails("Unreadable")),
    Option.match({ onNone: () => Effect.succeed(undefined), onSome: opened })
  )
  return {
    where: key,
    read,
    update: (change) =>
      Effect.flatMap(Effect.flatMap(read, change), (text) =>
        text === undefined
          ? Effect.void
          : Effect.flatMap(sealed(text), (value) => Effect.mapError(store.set(key, value), fails("Unwritable"))))
  }
}

/**
 * A storage whose permanent credentials are written under one key of a `KeyValueStore`.
 *
 * **Without a `sealer` the record holds the passwords in the clear.** Give one (`NodeCredentialStorage.sealer`), unless the store
 * encrypts by itself and nobody else can read it; never leave it out over `localStorage`, which every script of the page reads.
 * One process at a time: such a store has no way to keep others out. Fails with `CredentialStorageError` where the record cannot
 * be read, and leaves it as it is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options: {
    /** `urlsession.credentials` unless said. */
    readonly key?: string
    /** Encrypts the record. */
    readonly sealer?: Sealer
  } = {}
): Layer.Layer<CredentialStorage, CredentialStorageError, KeyValueStore.KeyValueStore> =>
  Layer.scoped(
    CredentialStorage,
    Effect.flatMap(
      KeyValueStore.KeyValueStore,
      (store) => makePersistent(placeIn(store, options.key ?? "urlsession.credentials", options.sealer))
    )
  )

/**
 * A storage with sources below it that are only read. The order: the storage's own default, else that of the first source that
 * has one for the space; of two credentials of one user, the storage's. What is kept or removed is kept in and removed from the
 * storage alone: after the removal of its default, that of a source shows again. `allCredentials` are the storage's, since a
 * source does not know the spaces that it is for. Keeping what a source has already changes nothing, so that a password of a
 * `.netrc` is never copied.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withSources = (
  storage: CredentialStorageService,
  ...sources: ReadonlyArray<CredentialSource>
): CredentialStorageService => {
  const found = (space: ProtectionSpace) => sources.flatMap((source) => source.credentials(space))
  const above = (own: ReadonlyMap<string, PasswordCredential>, space: ProtectionSpace) => {
    const all = new Map(own)
    for (const credential of found(space)) if (!all.has(credential.user)) all.set(credential.user, credential)
    return all
  }
  return {
    ...storage,
    credentials: (space) => Effect.map(storage.credentials(space), (own) => above(own, space)),
    defaultCredential: (space) =>
      Effect.map(storage.defaultCredential(space), Option.orElse(() => Option.fromNullable(found(space)[0]))),
    set: (credential, space) =>
      Effect.flatMap(
        storage.credentials(space),
        (own) =>
          !own.has(credential.user) && found(space).some((one) => equals(one, credential))
            ? Effect.void
            : storage.set(credential, space)
      )
  }
}

/**
 * Puts sources below the storage of a Layer.
 *
 * @example
 * ```ts
 * import { CredentialSource, CredentialStorage } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * const Source = CredentialSource.fromConfig([
 *   { origin: "https://api.example.com", user: "API_USER", password: "API_PASSWORD" }
 * ])
 *
 * const Storage = Layer.unwrapEffect(
 *   Effect.map(Source, (source) => CredentialStorage.layerWithSources(CredentialStorage.layerMemory, source))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithSources = <E, R>(
  storage: Layer.Layer<CredentialStorage, E, R>,
  ...sources: ReadonlyArray<CredentialSource>
): Layer.Layer<CredentialStorage, E, R> =>
  Layer.map(
    storage,
    (context) => Context.make(CredentialStorage, withSources(Context.get(context, CredentialStorage), ...sources))
  )
