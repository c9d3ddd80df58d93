/**
 * A response as a cache keeps it: Apple's `CachedURLResponse`.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import type { StoragePolicy, UserInfo } from "./internal/cache/entry.ts"
import type { ResponseHead } from "./ResponseHead.ts"

export {
  /**
   * Where a response may be kept: in memory and on a disk, in memory only, or nowhere.
   *
   * @since 0.1.0
   * @category models
   */
  type StoragePolicy,
  /**
   * What a program notes beside a response.
   *
   * @since 0.1.0
   * @category models
   */
  type UserInfo
} from "./internal/cache/entry.ts"

/**
 * Head and bytes of a response, what was noted beside it, and where it may be kept. Equal to another one with an equal head,
 * the same bytes, notes and policy. The bytes are as they came, before any content coding was undone: do not write into them.
 *
 * @since 0.1.0
 * @category models
 */
export class CachedResponse implements Equal.Equal {
  readonly response: ResponseHead
  readonly data: Uint8Array
  readonly userInfo: UserInfo | undefined
  readonly storagePolicy: StoragePolicy

  constructor(fields: {
    readonly response: ResponseHead
    readonly data: Uint8Array
    readonly userInfo?: UserInfo | undefined
    readonly storagePolicy?: StoragePolicy
  }) {
    this.response = fields.response
    this.data = fields.data
    this.userInfo = fields.userInfo
    this.storagePolicy = fields.storagePolicy ?? "allowed"
  }

  [Equal.symbol](that: unknown): boolean {
    if (this === that) return true
    return that instanceof CachedResponse && this.storagePolicy === that.storagePolicy &&
      Equal.equals(this.response, that.response) && sameBytes(this.data, that.data) &&
      sameNotes(this.userInfo, that.userInfo)
  }
  [Hash.symbol](): number {
    const head = Hash.combine(Hash.hash(this.response))(Hash.string(this.storagePolicy))
    return Hash.cached(this, Hash.combine(head)(Hash.array([...this.data.subarray(0, 64), this.data.length])))
  }
  toJSON(): unknown {
    return { response: this.response.toJSON(), bytes: this.data.length, storagePolicy: this.storagePolicy }
  }
  toString(): string {
    return `${this.response.toString()}, ${this.data.length} bytes, ${this.storagePolicy}`
  }
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON()
  }
}

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

const sameNotes = (left: UserInfo | undefined, right: UserInfo | undefined): boolean => {
  if (left === undefined || right === undefined) return left === right
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key])
}
