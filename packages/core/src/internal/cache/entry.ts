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

/** See the head of this file. It refers to what is kept rather than copying it, since one is made for each response. */
export class Entry implements StoredResponse {
  readonly stored: StoredResponse
  /** What it costs to keep it, about. */
  readonly size: number
  readonly #mode: CacheMode
  #judged: Judged | undefined = undefined
  #age = -1
  #aged: HeaderFields = HeaderFields.empty

  constructor(stored: StoredResponse, mode: CacheMode) {
    this.stored = stored
    this.size = stored.body.length + 2 * sizeOfFields(stored.fields) + stored.url.length + 512
    this.#mode = mode
  }

  get url(): string {
    return this.stored.url
  }
  get partition(): string {
    return this.stored.partition
  }
  get status(): number {
    return this.stored.status
  }
  get reason(): string {
    return this.stored.reason
  }
  get fields(): HeaderFields {
    return this.stored.fields
  }
  get requestTime(): number {
    return this.stored.requestTime
  }
  get responseTime(): number {
    return this.stored.responseTime
  }
  get vary(): ReadonlyArray<VaryPair> {
    return this.stored.vary
  }
  get part(): Part | undefined {
    return this.stored.part
  }
  get body(): Uint8Array {
    return this.stored.body
  }
  get storedAt(): number {
    return this.stored.storedAt
  }
  get storagePolicy(): StoragePolicy {
    return this.stored.storagePolicy
  }
  get userInfo(): UserInfo | undefined {
    return this.stored.userInfo
  }

  /** Worked out when it is first asked for: many a response is never looked at again. */
  get judged(): Judged {
    return this.#judged ??= judge(this.stored, this.#mode)
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
export const merged = <S extends StoredResponse>(kept: ReadonlyArray<S>, added: S): ReadonlyArray<S> => {
  const all = [added]
  for (const one of kept) if (all.length < variants && !sameVary(one.vary, added.vary)) all.push(one)
  return all
}
