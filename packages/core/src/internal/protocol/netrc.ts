/** The `.netrc` of ftp(1), as curl reads it: words, where a line only matters to comments and macros. */

/** `host` is `undefined` for the entry `default`. */
export interface Machine {
  readonly host: string | undefined
  readonly login: string | undefined
  readonly secret: string | undefined
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" }
const isSpace = (char: string | undefined): boolean =>
  char === " " || char === "\t" || char === "\r" || char === "\n" || char === "\f" || char === "\v"

/** Reads words one after the other; `undefined` at the end. */
class Words {
  #at = 0
  /** A quote was opened and not closed. */
  broken = false
  readonly #text: string

  constructor(text: string) {
    // a byte order mark is no part of the first word
    this.#text = text.startsWith("\uFEFF") ? text.slice(1) : text
  }

  next(): string | undefined {
    const text = this.#text
    for (;;) {
      while (this.#at < text.length && isSpace(text[this.#at])) this.#at++
      if (this.#at >= text.length) return undefined
      if (text[this.#at] !== "#" || !this.#beginsLine()) break
      this.#skipLine()
    }
    if (text[this.#at] === "\"") return this.#quoted()
    const from = this.#at
    while (this.#at < text.length && !isSpace(text[this.#at])) this.#at++
    return text.slice(from, this.#at)
  }

  /** To the end of the macro: an empty line, or the end. */
  skipMacro(): void {
    const end = /\n[ \t]*\r?\n/g
    end.lastIndex = this.#at
    const found = end.exec(this.#text)
    this.#at = found === null ? this.#text.length : found.index + found[0].length
  }

  #beginsLine(): boolean {
    for (let at = this.#at - 1; at >= 0 && this.#text[at] !== "\n"; at--) {
      if (!isSpace(this.#text[at])) return false
    }
    return true
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at)
    this.#at = end === -1 ? this.#text.length : end + 1
  }

  #quoted(): string | undefined {
    let word = ""
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const char = this.#text[at]
      if (char === "\"") {
        this.#at = at + 1
        return word
      }
      // a quoted word does not go over the end of its line
      if (char === "\n") break
      if (char === "\\" && at + 1 < this.#text.length) {
        const escaped = this.#text[++at] ?? ""
        word += escapes[escaped] ?? escaped
      } else word += char
    }
    this.broken = true
    return undefined
  }
}

/** The entries in their order; `undefined` where a quote has no end, or an entry is cut off. Other words are skipped. */
export const parseNetrc = (text: string): ReadonlyArray<Machine> | undefined => {
  const words = new Words(text)
  const machines: Array<Machine> = []
  let current: Machine | undefined
  const begin = (host: string | undefined): void => {
    if (current !== undefined) machines.push(current)
    current = { host, login: undefined, secret: undefined }
  }
  for (let word = words.next(); word !== undefined; word = words.next()) {
    switch (word.toLowerCase()) {
      case "machine": {
        const host = words.next()
        if (host === undefined) return undefined
        begin(host.toLowerCase())
        break
      }
      case "default":
        begin(undefined)
        break
      case "login":
      case "user": {
        const login = words.next()
        if (login === undefined) return undefined
        if (current !== undefined) current = { ...current, login }
        break
      }
      case "password":
      case "passwd": {
        const secret = words.next()
        if (secret === undefined) return undefined
        if (current !== undefined) current = { ...current, secret }
        break
      }
      case "account":
        if (words.next() === undefined) return undefined
        break
      case "macdef":
        words.skipMacro()
        break
    }
  }
  if (words.broken) return undefined
  if (current !== undefined) machines.push(current)
  return machines
}

/** The entries of a host; where none names it, those of `default` if they may be used. */
export const findMachine = <M extends { readonly host: string | undefined }>(
  machines: ReadonlyArray<M>,
  host: string,
  useDefault: boolean
): ReadonlyArray<M> => {
  const named = machines.filter((machine) => machine.host === host)
  return named.length > 0 || !useDefault ? named : machines.filter((machine) => machine.host === undefined)
}
