/** An ordered list of header fields, as a response or its trailers carried them. */

/** The symbol by which runtimes ask a value for its printed form. */
const inspect = Symbol.for("nodejs.util.inspect.custom")

/** Nobody's, since most look-ups find nothing: frozen, because it is everybody's. */
const none: ReadonlyArray<string> = Object.freeze([])

/** Fields whose values are credentials, or as good as one. */
const secret: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "authentication-info",
  "proxy-authentication-info"
])

/**
 * An ordered list of header fields: names in lower case, one entry per line, in the order of the wire. It is one flat
 * array, so it is cheap to make; look-ups walk it (RFC 9110 section 5.3).
 */
export class HeaderFields implements Iterable<readonly [name: string, value: string]> {
  /** No fields at all: one shared value. */
  static readonly empty: HeaderFields = new HeaderFields([])

  /** Fields out of pairs, whose names are brought to lower case. */
  static fromEntries(entries: Iterable<readonly [string, string]>): HeaderFields {
    const flat: Array<string> = []
    for (const [name, value] of entries) {
      flat.push(name.toLowerCase(), value)
    }
    return flat.length === 0 ? HeaderFields.empty : new HeaderFields(flat)
  }

  /** `[name, value, name, value, ...]`, the names in lower case. */
  readonly flat: ReadonlyArray<string>

  constructor(flat: ReadonlyArray<string>) {
    this.flat = flat
  }

  /** The number of field lines. */
  get size(): number {
    return this.flat.length >> 1
  }

  /** The value of a field, its name in any case; several lines are joined with `", "`. */
  get(name: string): string | undefined {
    const flat = this.flat
    const wanted = name.toLowerCase()
    let found: string | undefined = undefined
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === wanted) {
        const value = flat[i + 1]
        found = found === undefined ? value : `${found}, ${value}`
      }
    }
    return found
  }

  /** Every line of a field by itself, for fields that must not be joined (`Set-Cookie`, `WWW-Authenticate`). */
  getAll(name: string): ReadonlyArray<string> {
    const flat = this.flat
    const wanted = name.toLowerCase()
    let found: Array<string> | undefined = undefined
    for (let i = 0; i < flat.length; i += 2) {
      const value = flat[i + 1]
      if (flat[i] === wanted && value !== undefined) {
        if (found === undefined) found = [value]
        else found.push(value)
      }
    }
    return found ?? none
  }

  /** Whether a field is there, its name in any case, even with an empty value. */
  has(name: string): boolean {
    const flat = this.flat
    const wanted = name.toLowerCase()
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === wanted) {
        return true
      }
    }
    return false
  }

  /** What may be printed: the names, and the values of those that never hold a secret. */
  toJSON(): unknown {
    return Array.from(this, ([name, value]) => [name, secret.has(name) ? "<redacted>" : value])
  }

  [inspect](): unknown {
    return this.toJSON()
  }

  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    const flat = this.flat
    for (let i = 0; i + 1 < flat.length; i += 2) {
      yield [flat[i] ?? "", flat[i + 1] ?? ""]
    }
  }
}
