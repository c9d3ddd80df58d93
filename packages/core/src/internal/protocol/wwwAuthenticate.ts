/** Reads challenges and authentication parameters (RFC 9110 11.2 to 11.6) out of field lines that a server may have made hostile. */
import {
  BACKSLASH,
  COMMA,
  EQUALS,
  HTAB,
  isBareValueCode,
  isBlank,
  isToken68Code,
  isTokenCode,
  QUOTE
} from "./characters.ts"

/**
 * One challenge. `scheme` and the names of `params` are in lower case, values are unquoted. A challenge has either
 * parameters or a token68.
 */
export interface Challenge {
  readonly scheme: string
  readonly params: ReadonlyMap<string, string>
  readonly token68: string | undefined
}

/** So many challenges of one response are read. */
export const maximumChallenges = 64
/** So many characters of all lines together are read. */
export const maximumCharacters = 65_536
/** So many parameters make a challenge; one with more is dropped. */
const maximumParams = 64

interface Open {
  readonly scheme: string
  readonly params: Map<string, string>
  token68: string | undefined
  broken: boolean
}

/** A value, where it ends, and whether what follows it is a comma or the end, as it should be. */
interface Value {
  readonly text: string | undefined
  readonly clean: boolean
  /** The first comma inside of quotes, or -1. */
  readonly innerComma: number
}

/** Walks over one line. Every method moves forward; the reader goes back once per line at most (`restarted`). */
class Line {
  readonly text: string
  readonly end: number
  at = 0
  restarted = false

  constructor(text: string, end: number) {
    this.text = text
    this.end = end
  }

  get code(): number {
    return this.at < this.end ? this.text.charCodeAt(this.at) : -1
  }

  get atElementEnd(): boolean {
    return this.at >= this.end || this.code === COMMA
  }

  skipBlanks(): void {
    while (this.at < this.end && isBlank(this.text.charCodeAt(this.at))) this.at++
  }

  skipSeparators(): void {
    while (this.at < this.end) {
      const code = this.text.charCodeAt(this.at)
      if (code !== COMMA && !isBlank(code)) return
      this.at++
    }
  }

  word(allowed: (code: number) => boolean): string {
    const start = this.at
    while (this.at < this.end && allowed(this.text.charCodeAt(this.at))) this.at++
    return this.text.slice(start, this.at)
  }

  /** To the comma that ends a broken element; commas in quotes do not. */
  skipElement(): void {
    let quoted = false
    for (; this.at < this.end; this.at++) {
      const code = this.text.charCodeAt(this.at)
      if (quoted && code === BACKSLASH) this.at++
      else if (code === QUOTE) quoted = !quoted
      else if (code === COMMA && !quoted) return
    }
    this.at = this.end
  }

  /** After `=`: a token or a quoted string (RFC 9110 5.6.4), the escapes undone. */
  value(): Value {
    let text: string | undefined
    let innerComma = -1
    if (this.code === QUOTE) {
      this.at++
      let start = this.at
      let gathered = ""
      for (; this.at < this.end; this.at++) {
        const code = this.text.charCodeAt(this.at)
        if (code === QUOTE) {
          text = gathered + this.text.slice(start, this.at)
          this.at++
          break
        }
        if (code === COMMA && innerComma < 0) innerComma = this.at
        if (code === BACKSLASH) {
          gathered += this.text.slice(start, this.at)
          start = ++this.at
        }
      }
      this.at = Math.min(this.at, this.end)
    } else {
      text = this.word(isBareValueCode)
    }
    this.skipBlanks()
    return { text, clean: this.atElementEnd, innerComma }
  }
}

/**
 * Adds a parameter. A name that is there already breaks the whole, since either value could be meant; so does a parameter
 * beside a token68.
 */
const add = (open: Open, name: string, value: string): void => {
  const { params, token68 } = open
  if (token68 !== undefined || params.has(name) || params.size >= maximumParams) open.broken = true
  else params.set(name, value)
}

/**
 * Reads the value of a parameter into `open`. A value that is missing leaves the parameter out. After a quoted string that
 * something else than a comma follows, the value read so far holds, but the quotes cannot be trusted: reading goes on at
 * the first comma inside of them, once per line so that the whole stays linear. `false`: the challenge ends here.
 */
const readValue = (line: Line, open: Open | undefined, name: string): boolean => {
  line.skipBlanks()
  const quoted = line.code === QUOTE
  const { clean, innerComma, text } = line.value()
  if (text === undefined) {
    // an unterminated quote swallows the rest of the line
    if (open !== undefined) open.broken = true
    return false
  }
  if (clean) {
    if (open !== undefined && (quoted || text !== "")) add(open, name, text)
    return true
  }
  if (!quoted) {
    if (open !== undefined) open.broken = true
    line.skipElement()
    return true
  }
  if (open !== undefined) add(open, name, text)
  if (innerComma < 0 || line.restarted) {
    line.skipElement()
    return true
  }
  line.restarted = true
  line.at = innerComma
  return false
}

/** What follows a scheme and a blank: a token68, or the first parameter. `false`: the challenge ends here. */
const afterScheme = (line: Line, open: Open): boolean => {
  const start = line.at
  const body = line.word(isToken68Code)
  let padding = 0
  while (line.code === EQUALS) {
    line.at++
    padding++
  }
  const bodyEnd = line.at
  line.skipBlanks()
  if (body !== "" && line.atElementEnd) {
    open.token68 = line.text.slice(start, bodyEnd)
    return true
  }
  line.at = start
  const name = line.word(isTokenCode)
  line.skipBlanks()
  if (padding > 1 || name === "" || line.code !== EQUALS) {
    open.broken = true
    line.skipElement()
    return true
  }
  line.at++
  return readValue(line, open, name.toLowerCase())
}

/** Reads one line into `out`, which grows to `maximumChallenges` at most. */
const readLine = (line: Line, cut: boolean, out: Array<Challenge>): void => {
  let open: Open | undefined
  const close = (): void => {
    if (open !== undefined && !open.broken && out.length < maximumChallenges) {
      out.push({ scheme: open.scheme, params: open.params, token68: open.token68 })
    }
    open = undefined
  }
  while (out.length < maximumChallenges) {
    line.skipSeparators()
    if (line.at >= line.end) break
    const word = line.word(isTokenCode)
    const blank = isBlank(line.code)
    line.skipBlanks()
    if (word !== "" && line.code === EQUALS) {
      line.at++
      if (!readValue(line, open, word.toLowerCase())) close()
      continue
    }
    if (word === "" || !(blank || line.atElementEnd)) {
      if (open !== undefined) open.broken = true
      line.skipElement()
      continue
    }
    close()
    open = { scheme: word.toLowerCase(), params: new Map(), token68: undefined, broken: false }
    if (!line.atElementEnd && !afterScheme(line, open)) close()
  }
  // what the limit has cut may have gone on
  if (cut && open !== undefined) open.broken = true
  close()
}

/** A field line may hold HTAB, and no other control character. */
const isReadable = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== HTAB) || code === 0x7f) return false
  }
  return true
}

/**
 * The challenges of a `WWW-Authenticate` or `Proxy-Authenticate` field (RFC 9110 11.6.1, 11.7.1), each line on its own, in
 * their order. Never throws, and takes linear time. Of broken input what can be read is read: a challenge with an
 * unterminated quote, a parameter twice, or a value that is neither token nor quoted string is dropped; a line with a control
 * character is dropped as a whole.
 */
export const parseChallenges = (lines: ReadonlyArray<string>): ReadonlyArray<Challenge> => {
  const out: Array<Challenge> = []
  let left = maximumCharacters
  for (const text of lines) {
    if (left <= 0 || out.length >= maximumChallenges) break
    const cut = text.length > left
    const part = cut ? text.slice(0, left) : text
    left -= part.length
    if (isReadable(part)) readLine(new Line(part, part.length), cut, out)
  }
  return out
}

/**
 * The parameters of an `Authentication-Info` or `Proxy-Authentication-Info` line (RFC 9110 11.6.3). Names are in lower case.
 * Broken elements are left out; a parameter that comes twice empties the whole.
 */
export const parseAuthParams = (line: string): ReadonlyMap<string, string> => {
  const open: Open = { scheme: "", params: new Map(), token68: undefined, broken: false }
  const part = line.slice(0, maximumCharacters)
  if (!isReadable(part)) return open.params
  const reader = new Line(part, part.length)
  while (!open.broken) {
    reader.skipSeparators()
    if (reader.at >= reader.end) return open.params
    const name = reader.word(isTokenCode).toLowerCase()
    reader.skipBlanks()
    if (name === "" || reader.code !== EQUALS) {
      reader.skipElement()
      continue
    }
    reader.at++
    readValue(reader, open, name)
  }
  return new Map()
}
