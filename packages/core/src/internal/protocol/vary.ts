/** `Vary` (RFC 9111 4.1): which fields of a request choose a stored response, and whether those of two requests agree. */
import { isToken, trimBlanks } from "./characters.ts"

/** A field of the request that was answered: its value brought into one form, `null` where it was not there. */
export type VaryPair = readonly [name: string, value: string | null]

/** Looks up all lines of a field of a request, joined with commas. */
export type FieldLookup = (name: string) => string | undefined

/** The names, in lower case and once each; `undefined` where the response varies by more than fields. */
export const parseVary = (lines: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const names = new Set<string>()
  for (const line of lines) {
    for (const member of line.split(",")) {
      const name = trimBlanks(member).toLowerCase()
      if (name === "") continue
      // what cannot be read may mean anything
      if (name === "*" || !isToken(name)) return undefined
      names.add(name)
    }
  }
  return [...names].sort()
}

/** Fields in which upper and lower case mean the same, by their own definition (RFC 9110 8.4.1, 8.3.2, 12.5.4; RFC 4647 2). */
const withoutCase = new Set(["accept-charset", "accept-encoding", "accept-language"])

/**
 * What means the same, in one form (RFC 9111 4.1): blanks around the members of a list say nothing. Their order may: servers
 * take what comes first as what is liked best (RFC 9110 12.5.4).
 */
export const normalized = (name: string, value: string): string => {
  const trimmed = trimBlanks(value)
  const listed = trimmed.includes(",")
    ? trimmed.split(",").map(trimBlanks).filter((one) => one !== "").join(",")
    : trimmed
  return withoutCase.has(name) ? listed.toLowerCase() : listed
}

/** What the request had in the fields that its response varies by. */
export const varyPairs = (names: ReadonlyArray<string>, lookup: FieldLookup): ReadonlyArray<VaryPair> =>
  names.map((name) => {
    const value = lookup(name)
    return [name, value === undefined ? null : normalized(name, value)] as const
  })

/** Whether a request is one that a response to those pairs answers. */
export const varyMatches = (pairs: ReadonlyArray<VaryPair>, lookup: FieldLookup): boolean => {
  for (const [name, stored] of pairs) {
    const value = lookup(name)
    if (
      stored === null
        ? value !== undefined
        : value === undefined || (value !== stored && normalized(name, value) !== stored)
    ) {
      return false
    }
  }
  return true
}

/** Whether two responses answer the same requests. */
export const sameVary = (left: ReadonlyArray<VaryPair>, right: ReadonlyArray<VaryPair>): boolean =>
  left.length === right.length &&
  left.every(([name, value], index) => right[index]?.[0] === name && right[index][1] === value)
