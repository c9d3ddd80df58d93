/** Cache-Control for certain caches (RFC 9213): a dictionary of structured fields (RFC 9651), all of it or nothing. */
import { type Directive, parseDirectives, type ResponseControl, responseControl } from "./cacheControl.ts"
import { isDigit, QUOTE, trimBlanks } from "./characters.ts"

const key = /^[a-z*][a-z0-9_\-.*]*/
const integer = /^-?[0-9]{1,15}(?![0-9.])/
const decimal = /^-?[0-9]{1,12}\.[0-9]{1,3}/
const token = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/
const string = /^"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/
const bytes = /^:[A-Za-z0-9+/=]*:/
const boolean = /^\?[01]/
const items = [decimal, integer, string, token, bytes, boolean]

/** The text of the item at the beginning, or `undefined`. */
const itemAt = (text: string): string | undefined => {
  for (const form of items) {
    const found = form.exec(text)
    if (found !== null) return found[0]
  }
  return undefined
}

/** What is left after the parameters at the beginning; `undefined` where they are none. */
const skipParameters = (text: string): string | undefined => {
  let rest = text
  while (rest.startsWith(";")) {
    rest = rest.slice(1).replace(/^ +/, "")
    const name = key.exec(rest)
    if (name === null) return undefined
    rest = rest.slice(name[0].length)
    if (!rest.startsWith("=")) continue
    const value = itemAt(rest.slice(1))
    if (value === undefined) return undefined
    rest = rest.slice(1 + value.length)
  }
  return rest
}

/** The members of a dictionary as directives; `undefined` for a field that is none, which is as if it were not there. */
export const parseTargeted = (lines: ReadonlyArray<string>): ReadonlyArray<Directive> | undefined => {
  const members = new Map<string, string | undefined>()
  let rest = trimBlanks(lines.join(", "))
  while (rest !== "") {
    const name = key.exec(rest)?.[0]
    if (name === undefined) return undefined
    rest = rest.slice(name.length)
    let value: string | undefined = undefined
    let stands = true
    if (rest.startsWith("=")) {
      const item = itemAt(rest.slice(1))
      if (item === undefined) return undefined
      rest = rest.slice(1 + item.length)
      if (item.startsWith("?")) stands = item === "?1"
      else value = item.charCodeAt(0) === QUOTE ? item.slice(1, -1).replace(/\\(.)/g, "$1") : item
    }
    const after = skipParameters(rest)
    if (after === undefined) return undefined
    // the last of several counts, by the rules of structured fields
    members.delete(name)
    if (stands) members.set(name, value)
    rest = trimBlanks(after)
    if (rest === "") break
    if (!rest.startsWith(",")) return undefined
    rest = trimBlanks(rest.slice(1))
    if (rest === "") return undefined
  }
  const directives: Array<Directive> = []
  for (const [name, value] of members) {
    // a lifetime that is no integer is as if it were not there (RFC 9213 2.1)
    const lifetime = name === "max-age" || name === "s-maxage" || name.startsWith("stale-")
    if (!lifetime || (value !== undefined && isDigit(value.charCodeAt(0)) && !value.includes("."))) {
      directives.push({ name, value })
    }
  }
  return directives
}

/**
 * What a response says to this cache: the first field of the list that is there, is not empty and can be read, or else
 * `Cache-Control`. `targeted` tells that `Expires` is not to be looked at.
 */
export const controlFor = (
  getAll: (name: string) => ReadonlyArray<string>,
  targets: ReadonlyArray<string>
): { readonly control: ResponseControl; readonly targeted: boolean } => {
  for (const target of targets) {
    const lines = getAll(target)
    if (lines.length === 0) continue
    const directives = parseTargeted(lines)
    if (directives !== undefined && directives.length > 0) {
      return { control: responseControl(directives), targeted: true }
    }
  }
  const lines = getAll("cache-control")
  return { control: lines.length === 0 ? silent : responseControl(parseDirectives(lines)), targeted: false }
}

const silent: ResponseControl = responseControl([])
