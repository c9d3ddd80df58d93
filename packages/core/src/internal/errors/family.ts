/** The one maker of error classes: a family is a tag, a union of reasons, and a table of what each reason means. */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import { displayUrl } from "../displayUrl.ts"

interface Entry<Reason> {
  readonly code?: number
  readonly transient?: (reason: Reason) => boolean
  readonly message: (reason: Reason) => string
}

/** For each reason: its NSURLErrorDomain code, whether it may pass by itself, and a message that says what to do. */
export type ReasonTable<Reason extends { readonly _tag: string }> = {
  readonly [Tag in Reason["_tag"]]: Entry<Extract<Reason, { readonly _tag: Tag }>>
}

/** What an error is made of. */
export interface ErrorFields<Reason> {
  readonly reason: Reason
  readonly url?: string | undefined
  readonly cause?: unknown
}

/** An error of a family. */
export interface FamilyError<Tag extends string, Reason> extends Cause.YieldableError {
  readonly _tag: Tag
  /** What happened, as a tagged value with its own fields. */
  readonly reason: Reason
  /** The URL of the exchange, whole; not enumerable, since it may hold a signed query. */
  readonly url: string | undefined
  /** The NSURLErrorDomain number, where there is one. */
  readonly code: number | undefined
  /** Whether the same request may succeed if it is tried again. */
  readonly isTransient: boolean
}

/** Makes the base class of one family. */
export const family = <Tag extends string, Reason extends { readonly _tag: string }>(
  tag: Tag,
  table: ReasonTable<Reason>
): new(fields: ErrorFields<Reason>) => FamilyError<Tag, Reason> => {
  // keyed by the reasons' own tags, so a reason finds the entry that was written for it
  const entries = new Map<string, Entry<Reason>>(Object.entries(table))
  const entry = (reason: Reason): Entry<Reason> | undefined => entries.get(reason._tag)
  class Family extends Data.TaggedError(tag)<{ readonly reason: Reason; readonly cause?: unknown }> {
    declare readonly url: string | undefined
    constructor(fields: ErrorFields<Reason>) {
      super(fields.cause === undefined ? { reason: fields.reason } : { reason: fields.reason, cause: fields.cause })
      Object.defineProperty(this, "url", { value: fields.url, enumerable: false })
    }
    get code(): number | undefined {
      return entry(this.reason)?.code
    }
    get isTransient(): boolean {
      return entry(this.reason)?.transient?.(this.reason) ?? false
    }
    override get message(): string {
      const text = entry(this.reason)?.message(this.reason) ?? this.reason._tag
      return this.url === undefined ? text : `${text} (${displayUrl(this.url)})`
    }
  }
  return Family
}
