/**
 * Hosts that have asked to be spoken to over https only (RFC 6797). A session learns them from responses over https whose server
 * the platform trusts, and turns every later request for them into one over https, before a byte of it is sent.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import { stsCandidates, type StsDirectives, stsHost } from "./internal/protocol/hsts.ts"

/**
 * One host that is known.
 *
 * @since 0.1.0
 * @category models
 */
export interface HstsEntry {
  /** In lower case, without a last dot; never an address. */
  readonly host: string
  readonly includeSubDomains: boolean
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/**
 * What the slot holds. The first two are called for single requests: they must be cheap, and must not throw. `now` in
 * milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface HstsStorageService {
  /** Whether a host, or a domain above it that includes it, is known. */
  readonly has: (host: string, now: number) => boolean
  /** A host has said so. A `maxAge` of 0 forgets it; an address is never kept. */
  readonly learn: (host: string, directives: StsDirectives, now: number) => void
  readonly all: Effect.Effect<ReadonlyArray<HstsEntry>>
  readonly removeAll: Effect.Effect<void>
}

/**
 * The slot. Without it a session keeps what it learns in memory, for itself.
 *
 * @since 0.1.0
 * @category slots
 */
export class HstsStorage extends Context.Tag("@urlsession/core/HstsStorage")<HstsStorage, HstsStorageService>() {}

/** Milliseconds: nobody plans further. */
const longest = 10 * 366 * 86_400_000

const kept = 10_000

/** In the order in which they were learned, so that the oldest goes first. */
class Memory implements HstsStorageService {
  readonly #entries = new Map<string, HstsEntry>()
  readonly #changed: () => void

  constructor(entries: ReadonlyArray<HstsEntry>, changed: () => void) {
    for (const entry of entries.slice(-kept)) this.#entries.set(entry.host, entry)
    this.#changed = changed
  }

  readonly has = (host: string, now: number): boolean => {
    if (this.#entries.size === 0) return false
    const name = stsHost(host)
    if (name === undefined) return false
    return stsCandidates(name).some((candidate, above) => {
      const entry = this.#entries.get(candidate)
      return entry !== undefined && entry.expires > now && (above === 0 || entry.includeSubDomains)
    })
  }

  readonly learn = (host: string, { includeSubDomains, maxAge }: StsDirectives, now: number): void => {
    const name = stsHost(host)
    if (name === undefined) return
    const before = this.#entries.get(name)
    this.#entries.delete(name)
    if (maxAge <= 0) {
      if (before !== undefined) this.#changed()
      return
    }
    const expires = now + Math.min(maxAge * 1000, longest)
    this.#entries.set(name, { host: name, includeSubDomains, expires })
    if (this.#entries.size > kept) {
      const oldest = this.#entries.keys().next()
      if (oldest.done !== true) this.#entries.delete(oldest.value)
    }
    // every response says it anew: an hour more is not worth a write
    const same = before !== undefined && before.includeSubDomains === includeSubDomains &&
      Math.abs(before.expires - expires) < 3_600_000
    if (!same) this.#changed()
  }

  readonly all = Effect.sync(() => [...this.#entries.values()])

  readonly removeAll = Effect.sync(() => {
    this.#entries.clear()
    this.#changed()
  })
}

/**
 * An empty store in memory, of the 10,000 hosts learned last.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<HstsStorageService> = Effect.sync(() => new Memory([], () => {}))

/**
 * One store in memory for all sessions that are given it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<HstsStorage> = Layer.effect(HstsStorage, makeMemory)

/**
 * Nothing is learned, and nothing upgraded.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<HstsStorage> = Layer.succeed(HstsStorage, {
  has: () => false,
  learn: () => {},
  all: Effect.succeed([]),
  removeAll: Effect.void
})

const Document = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(1),
  hosts: Schema.Array(Schema.Struct({
    host: Schema.String,
    includeSubDomains: Schema.Boolean,
    expires: Schema.Number
  }))
}))

/**
 * A store that outlives the process, under one key of a `KeyValueStore`. It is read once, when the layer is built, and written
 * behind what is learned, and once more when the layer is closed. What cannot be read is an empty store, and what cannot be
 * written is logged: requests never fail for it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  key = "hsts"
): Layer.Layer<HstsStorage, never, KeyValueStore.KeyValueStore> =>
  Layer.scoped(
    HstsStorage,
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      const read = store.get(key).pipe(
        Effect.flatMap((text) => Option.isNone(text) ? Effect.succeed([]) : decoded(text.value)),
        Effect.catchAll((cause) => Effect.as(Effect.logWarning("the HSTS store cannot be read", cause), []))
      )
      const wanted = yield* Queue.sliding<void>(1)
      let dirty = false
      const memory = new Memory(yield* read, () => {
        dirty = true
        Queue.unsafeOffer(wanted, undefined)
      })
      const write = Effect.suspend(() => {
        if (!dirty) return Effect.void
        dirty = false
        return memory.all.pipe(
          Effect.flatMap((hosts) => Schema.encode(Document)({ version: 1, hosts })),
          Effect.flatMap((text) => store.set(key, text)),
          Effect.catchAll((cause) => Effect.logWarning("the HSTS store cannot be written", cause))
        )
      })
      yield* Effect.addFinalizer(() => write)
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Queue.take(wanted), Effect.uninterruptible(write))))
      return memory
    })
  )

const decoded = (text: string) =>
  Effect.map(Schema.decode(Document)(text), ({ hosts }) => hosts.filter((one) => stsHost(one.host) === one.host))
