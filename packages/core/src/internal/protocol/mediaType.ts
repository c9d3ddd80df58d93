/** What the fields of a response say of its content: media type, charset, length, and the name of a file for it. */
import { BACKSLASH, isToken, percentDecode, QUOTE, repairUtf8, SEMICOLON, trimBlanks, utf8 } from "./characters.ts"

/** A media type (RFC 9110 8.3.1). Essence, charset and the names of parameters are in lower case. */
export interface MediaType {
  /** `text/html`. */
  readonly essence: string
  readonly charset: string | undefined
  /** Of a name that comes twice the first holds. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Which of two parameters of one name holds. */
type Keep = "first" | "last"

interface Parsed {
  readonly head: string
  readonly parameters: ReadonlyMap<string, string>
}

/** The end of an item: the next semicolon outside of quotes that no backslash takes back. */
const itemEnd = (text: string, start: number): number => {
  let quoted = false
  let i = start
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) quoted = !quoted
    else if (code === SEMICOLON && !quoted) return i
  }
  return text.length
}

/** A value as it is meant: quotes off, escapes undone. */
const unquote = (value: string): string => {
  const quoted = value.charCodeAt(0) === QUOTE
  let text = ""
  for (let i = quoted ? 1 : 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (quoted && code === QUOTE) break
    if (quoted && code === BACKSLASH) i++
    text += value.charAt(i)
  }
  return text
}

/** `head; name=value; name="value"`. Items that are no parameter are left out. */
const parseItems = (text: string, keep: Keep): Parsed => {
  const headEnd = text.indexOf(";")
  const head = trimBlanks(headEnd < 0 ? text : text.slice(0, headEnd)).toLowerCase()
  const parameters = new Map<string, string>()
  for (let at = headEnd < 0 ? text.length : headEnd + 1; at < text.length;) {
    const end = itemEnd(text, at)
    const item = text.slice(at, end)
    at = end + 1
    const equals = item.indexOf("=")
    if (equals < 0) continue
    const name = trimBlanks(item.slice(0, equals)).toLowerCase()
    const value = unquote(trimBlanks(item.slice(equals + 1)))
    if (isToken(name) && (keep === "last" || !parameters.has(name))) parameters.set(name, value)
  }
  return { head, parameters }
}

/** Reads a `Content-Type`; `undefined` where it is absent or not of the form `type/subtype`. */
export const parseMediaType = (value: string | undefined): MediaType | undefined => {
  if (value === undefined) return undefined
  const { head, parameters } = parseItems(value, "first")
  const slash = head.indexOf("/")
  if (slash < 0 || !isToken(head.slice(0, slash)) || !isToken(head.slice(slash + 1))) return undefined
  const charset = parameters.get("charset")?.toLowerCase()
  return { essence: head, charset: charset === "" ? undefined : charset, parameters }
}

/**
 * The length that the lines of `Content-Length` announce, also for a body that is coded or comes in chunks; `undefined` where
 * there is none, or no single one.
 */
export const expectedContentLength = (lines: ReadonlyArray<string>): number | undefined => {
  const values = new Set(lines.join(",").split(",").map(trimBlanks))
  const [value] = values
  if (values.size !== 1 || value === undefined || !/^[0-9]{1,16}$/.test(value)) return undefined
  const length = Number(value)
  return Number.isSafeInteger(length) ? length : undefined
}

/** `UTF-8''na%C3%AFve.txt` (RFC 8187), or `undefined` for another charset than UTF-8 and Latin-1. */
const extendedValue = (value: string): string | undefined => {
  const [charset, , ...rest] = value.split("'")
  if (charset === undefined || rest.length === 0) return undefined
  const bytes = percentDecode(rest.join("'"))
  const name = charset.toLowerCase()
  if (name === "iso-8859-1") return bytes.reduce((text, byte) => text + String.fromCharCode(byte), "")
  if (name !== "utf-8") return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** So many UTF-8 bytes of a name are what file systems take. */
const maximumNameBytes = 255

/** Of these, so many may be the extension's, which is kept when a name is cut. */
const maximumExtensionBytes = 32

/** What hides or turns the text around it, so that `exe.txt` may read `txt.exe`. */
const deceptive = /[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/** Separators, and what Windows gives a meaning of its own: devices, streams, patterns. */
const forbidden = /[/\\:*?"<>|]/g

/** Names that are devices on Windows, whatever extension follows. */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?= *(?:\.|$))/i

const byteLength = (character: string): number => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
}

/** The beginning of a text, of so many bytes at most. */
const cut = (text: string, bytes: number): string => {
  let length = 0
  let end = 0
  for (const character of text) {
    length += byteLength(character)
    if (length > bytes) break
    end += character.length
  }
  return text.slice(0, end)
}

/** A name that is too long keeps its extension. */
const shortened = (name: string): string => {
  if (name.length * 3 <= maximumNameBytes || cut(name, maximumNameBytes) === name) return name
  const dot = name.lastIndexOf(".")
  const extension = dot <= 0 ? "" : name.slice(dot)
  if (extension === "" || cut(extension, maximumExtensionBytes) !== extension) return cut(name, maximumNameBytes)
  return cut(name.slice(0, dot), maximumNameBytes - utf8(extension).length) + extension
}

const isShown = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !(code >= 0xd800 && code <= 0xdfff)
}

/**
 * A name that stays in its directory on every system: no separators, no control characters, not `.` or `..`, no device of
 * Windows, no dot or blank at its end. `undefined` where nothing is left.
 */
export const safeFileName = (name: string): string | undefined => {
  const shown = [...name.replace(deceptive, "")].filter(isShown).join("").replace(forbidden, "_")
  const named = shortened(shown.trim().replace(device, "_$&")).trim().replace(/[. ]+$/, "")
  return named === "" ? undefined : named
}

const nameOfDisposition = (value: string): string | undefined => {
  const { parameters } = parseItems(value, "last")
  const extended = parameters.get("filename*")
  const text = extended === undefined ? undefined : extendedValue(extended)
  const plain = parameters.get("filename")
  return text !== undefined && text !== "" ? text : plain === undefined ? undefined : repairUtf8(plain)
}

const nameOfUrl = (url: string): string | undefined => {
  try {
    const { pathname } = new URL(url)
    // a URL without a hierarchy, such as data:, has no last segment
    if (!pathname.startsWith("/")) return undefined
    const segment = pathname.split("/").filter((one) => one !== "").pop()
    return segment === undefined ? undefined : new TextDecoder().decode(percentDecode(segment))
  } catch {
    return undefined
  }
}

/**
 * A name for the body as a file: of `Content-Disposition` (RFC 6266, `filename*` before `filename`), else the last segment of
 * the path, else `Unknown`. Never a path: separators become `_`, as does what Windows gives a meaning to.
 */
export const suggestedFileName = (url: string, contentDisposition: string | undefined): string => {
  const announced = contentDisposition === undefined ? undefined : nameOfDisposition(contentDisposition)
  const safe = announced === undefined ? undefined : safeFileName(announced)
  return safe ?? safeFileName(nameOfUrl(url) ?? "") ?? "Unknown"
}
