/** A field of a request that hides its value from whoever prints it: every bound field may be a secret of its origin. */
import type { RequestField } from "../Transport.ts"

/** The symbol by which Node's `inspect`, and Effect's, ask a value for its printed form. */
const inspect = Symbol.for("nodejs.util.inspect.custom")

/** See the head of this file. */
export class BoundField implements RequestField {
  readonly bound = true
  readonly name: string
  declare readonly value: string

  constructor(name: string, value: string) {
    this.name = name
    Object.defineProperty(this, "value", { value, enumerable: false })
  }
  toJSON(): unknown {
    return { name: this.name, value: "<redacted>", bound: true }
  }
  toString(): string {
    return `${this.name}: <redacted>`
  }
  [inspect](): unknown {
    return this.toJSON()
  }
}

/** A `Cookie` that a cookie storage has made, which tells whose request it is by the storage and not by its value. */
export class StoredCookies extends BoundField {
  constructor(value: string) {
    super("cookie", value)
  }
}

/** A field, with its value hidden where it is bound. */
export const requestField = (name: string, value: string, bound: boolean): RequestField =>
  bound ? new BoundField(name, value) : { name, value, bound }

/**
 * A value that was written over several lines, as one line (RFC 9112 5.2): nobody may send folded lines any more, and what
 * follows a line break without a blank is still refused.
 */
export const unfolded = (value: string): string => value.includes("\r\n") ? value.replace(/\r\n[ \t]+/g, " ") : value
