/** The text that cookies are kept in: a line each, with a checksum in front, so that what is whole can be told from what is not. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type Cookie, Stored } from "../../Cookie.ts"

const magic = "urlsession-cookies"
const first = `${magic} 1`

const write = Schema.encodeSync(Schema.parseJson(Stored))
const read = Schema.decodeUnknownEither(Schema.parseJson(Stored))

/** FNV-1a, which is no protection against anybody, and enough against a disk. */
const checksum = (text: string): string => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

export const encodeDocument = (cookies: Iterable<Cookie>): string => {
  const lines = [first]
  for (const cookie of cookies) {
    const text = write(cookie)
    lines.push(`${checksum(text)} ${text}`)
  }
  return `${lines.join("\n")}\nend ${lines.length - 1}\n`
}

/** What could be read. */
export interface Document {
  readonly cookies: ReadonlyArray<Cookie>
  /** Lines that are no cookies any more. */
  readonly lost: number
  /** Nothing is missing, as far as that can be known. */
  readonly whole: boolean
  /** Another version has written it. */
  readonly foreign: boolean
}

const empty: Document = { cookies: [], lost: 0, whole: true, foreign: false }

const lineOf = (line: string): Cookie | undefined => {
  const text = line.slice(9)
  if (line[8] !== " " || checksum(text) !== line.slice(0, 8)) return undefined
  return Either.getOrUndefined(read(text))
}

export const decodeDocument = (text: string | undefined): Document => {
  if (text === undefined || text === "") return empty
  const [head = "", ...lines] = text.split("\n")
  if (head !== first && /^urlsession-cookies \d+$/.test(head) && lines.length > 0) return { ...empty, foreign: true }
  const cookies: Array<Cookie> = []
  let lost = head === first ? 0 : 1
  let ended = false
  for (const line of lines) {
    if (line === "") continue
    const cookie = lineOf(line)
    if (cookie !== undefined) cookies.push(cookie)
    else if (line === `end ${cookies.length + lost}`) ended = true
    else lost++
  }
  return { cookies, lost, whole: ended && lost === 0, foreign: false }
}
