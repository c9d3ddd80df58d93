/**
 * Where credentials are kept between tasks, by protection space, with one default each.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { equals, type PasswordCredential } from "./Credential.ts"
import type { ProtectionSpace } from "./ProtectionSpace.ts"

/**
 * A storage of credentials. None of the operations fails; `changes` emits the space of each real change.
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
  readonly removeAll: Effect.Effect<void>
  readonly changes: Stream.Stream<ProtectionSpace>
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

interface Entry {
  readonly byUser: ReadonlyMap<string, PasswordCredential>
  readonly default: string | undefined
}

const nothing: Entry = { byUser: new Map(), default: undefined }

/**
 * A storage in memory, gone with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<CredentialStorageService> = Effect.gen(function*() {
  const changes = yield* PubSub.sliding<ProtectionSpace>(256)
  let entries = HashMap.empty<ProtectionSpace, Entry>()
  const entryOf = (space: ProtectionSpace) => Option.getOrElse(HashMap.get(entries, space), () => nothing)

  const write = (space: ProtectionSpace, entry: Entry): Effect.Effect<void> => {
    entries = entry.byUser.size === 0 ? HashMap.remove(entries, space) : HashMap.set(entries, space, entry)
    return Effect.asVoid(PubSub.publish(changes, space))
  }
  const keep = (credential: PasswordCredential, space: ProtectionSpace, asDefault: boolean): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (credential.persistence === "none") return Effect.void
      const entry = entryOf(space)
      const known = entry.byUser.get(credential.user)
      const user = asDefault || entry.default === undefined ? credential.user : entry.default
      if (known !== undefined && equals(known, credential) && user === entry.default) return Effect.void
      return write(space, { byUser: new Map(entry.byUser).set(credential.user, credential), default: user })
    })

  return {
    credentials: (space) => Effect.sync(() => entryOf(space).byUser),
    allCredentials: Effect.sync(() =>
      Array.from(HashMap.entries(entries), ([space, entry]) => [space, entry.byUser] as const)
    ),
    set: (credential, space) => keep(credential, space, false),
    remove: (credential, space) =>
      Effect.suspend(() => {
        const entry = entryOf(space)
        const known = entry.byUser.get(credential.user)
        if (known === undefined || !equals(known, credential)) return Effect.void
        const byUser = new Map(entry.byUser)
        byUser.delete(credential.user)
        return write(space, { byUser, default: entry.default === credential.user ? undefined : entry.default })
      }),
    defaultCredential: (space) =>
      Effect.sync(() => {
        const entry = entryOf(space)
        return entry.default === undefined ? Option.none() : Option.fromNullable(entry.byUser.get(entry.default))
      }),
    setDefaultCredential: (credential, space) => keep(credential, space, true),
    removeAll: Effect.suspend(() => {
      const spaces = Chunk.fromIterable(HashMap.keys(entries))
      entries = HashMap.empty()
      return Effect.asVoid(PubSub.publishAll(changes, spaces))
    }),
    changes: Stream.fromPubSub(changes)
  }
})

/**
 * A storage in memory, to be shared between sessions.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CredentialStorage> = Layer.effect(CredentialStorage, makeMemory)
