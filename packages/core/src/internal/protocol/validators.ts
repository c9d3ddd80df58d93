/** Entity tags and dates as validators (RFC 9110 8.8, 13). */
import { trimBlanks } from "./characters.ts"

/** What tells one representation from another. */
export interface Validators {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** An entity tag, as it came: quoted, perhaps weak. Without quotes it is none of a standard's, but servers know it again. */
const etagOf = (line: string | undefined): string | undefined => {
  const tag = line === undefined ? "" : trimBlanks(line)
  return tag === "" ? undefined : tag
}

/** Those of a response. */
export const validatorsOf = (getAll: (name: string) => ReadonlyArray<string>): Validators => {
  const modified = trimBlanks(getAll("last-modified")[0] ?? "")
  return { etag: etagOf(getAll("etag")[0]), lastModified: modified === "" ? undefined : modified }
}

/** Whether a tag promises equality byte by byte. */
export const isStrong = (etag: string | undefined): boolean =>
  etag !== undefined && etag.startsWith("\"") && etag.endsWith("\"") && etag.length >= 2

const opaque = (etag: string): string => etag.startsWith("W/") ? etag.slice(2) : etag

/** Weak comparison (RFC 9110 8.8.3.2). */
export const weaklyEqual = (left: string, right: string): boolean => opaque(left) === opaque(right)

/**
 * Whether a 304 speaks of a stored response (RFC 9111 4.3.4). One that names no validator speaks of what it was asked about.
 */
export const speaksOf = (answer: Validators, stored: Validators): boolean => {
  if (answer.etag !== undefined) {
    return stored.etag !== undefined &&
      (isStrong(answer.etag) ? answer.etag === stored.etag : weaklyEqual(answer.etag, stored.etag))
  }
  return answer.lastModified === undefined || answer.lastModified === stored.lastModified
}

/** Whether `If-Range` holds for a stored response (RFC 9110 13.1.5). */
export const ifRangeHolds = (value: string, stored: Validators): boolean => {
  const asked = trimBlanks(value)
  return isStrong(asked) ? asked === stored.etag : !asked.startsWith("W/") && asked === stored.lastModified
}
