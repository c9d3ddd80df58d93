/** One kept response: its head, its bytes, and what was worked out of them when it was kept. */
import { HeaderFields } from "../../HeaderFields.ts"
import type { Part } from "../protocol/byteRange.ts"
import { type CacheMode, judge, type Judged, type KeptHead } from "../protocol/cacheEntry.ts"
import { sameVary, type VaryPair } from "../protocol/vary.ts"

/** What a user of a cache may note beside a response. */
export type UserInfo = { readonly [key: string]: string | number | boolean | null }

/** Where a response may be kept. */
export type StoragePolicy = "allowed" | "allowedInMemoryOnly" | "notAllowed"

/** What is kept, and written to a disk. The bytes are never written into. */
export interface StoredResponse extends KeptHead {
  /** Whose response it is: empty for one to a request without credentials. */
  readonly partition: string
  readonly body: Uint8Array
  readonly storedAt: number
  readonly storagePolicy: StoragePolicy
  readonly userInfo: UserInfo | undefined
}

const sizeOfFields = (fields: HeaderFields): number => {
  let size = 0
  for (const text of fields.flat) size += text.length
  return size
}

/** See the head of this file. */
export class Entry implements StoredResponse {
  readonly url: string
  readonly partition: string
  readonly status: number
  readonly reason: string
  readonly fields: HeaderFields
  readonly requestTime: number
  readonly responseTime: number
  readonly vary: ReadonlyArray<VaryPair>
  readonly part: Part | undefined
  readonly body: Uint8Array
  readonly storedAt: number
  readonly storagePolicy: StoragePolicy
  readonly userInfo: UserInfo | undefined
  readonly judged: Judged
  /** What it costs to keep it, about. */
  readonly size: number
  #age = -1
  #aged: HeaderFields = HeaderFields.empty

  constructor(stored: StoredResponse, mode: CacheMode) {
    this.url = stored.url
    this.partition = stored.partition
    this.status = stored.status
    this.reason = stored.reason
    this.fields = stored.fields
    this.requestTime = stored.requestTime
    this.responseTime = stored.responseTime
    this.vary = stored.vary
    this.part = stored.part
    this.body = stored.body
    this.storedAt = stored.storedAt
    this.storagePolicy = stored.storagePolicy
    this.userInfo = stored.userInfo
    this.judged = judge(stored, mode)
    this.size = stored.body.length + 2 * sizeOfFields(stored.fields) + stored.url.length + 512
  }

  get length(): number {
    return this.body.length
  }

  /** The fields that are given out, with `Age` in seconds: the same value for all who ask within one of them. */
  fieldsAtAge(age: number): HeaderFields {
    if (age !== this.#age) {
      this.#age = age
      this.#aged = new HeaderFields([...this.judged.fields.flat, "age", String(age)])
    }
    return this.#aged
  }
}

/** Responses that are kept of one URL for one partition, at most; the oldest goes first. */
const variants = 16

/** The responses of one URL and partition with another one, newest first, in place of the one to the same request. */
export const merged = <S extends StoredResponse>(kept: ReadonlyArray<S>, added: S): ReadonlyArray<S> => [
  added,
  ...kept.filter((one) => !sameVary(one.vary, added.vary)).slice(0, variants - 1)
]
