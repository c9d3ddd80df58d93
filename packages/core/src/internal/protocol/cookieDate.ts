/** Dates as cookies spell them (RFC 6265bis 5.1.1): whatever order the parts stand in, and nothing that is no date. */
import { isDigit } from "./characters.ts"

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

/** HTAB, 0x20 to 0x2F, 0x3B to 0x40, 0x5B to 0x60, 0x7B to 0x7E. */
const isDelimiter = (code: number): boolean =>
  code === 0x09 || (code >= 0x20 && code <= 0x2f) || (code >= 0x3b && code <= 0x40) || (code >= 0x5b && code <= 0x60) ||
  (code >= 0x7b && code <= 0x7e)

/** How many digits stand at a place. */
const digitsAt = (text: string, start: number): number => {
  let end = start
  while (end < text.length && isDigit(text.charCodeAt(end))) end++
  return end - start
}

interface Parts {
  time: readonly [hour: number, minute: number, second: number] | undefined
  day: number | undefined
  month: number | undefined
  year: number | undefined
}

/** `1:02:3`, and whatever follows that is no digit. */
const timeOf = (token: string): Parts["time"] => {
  const numbers: Array<number> = []
  let place = 0
  for (let part = 0; part < 3; part++) {
    const digits = digitsAt(token, place)
    if (digits < 1 || digits > 2) return undefined
    numbers.push(Number(token.slice(place, place + digits)))
    place += digits
    if (part < 2 && token[place++] !== ":") return undefined
  }
  const [hour = 0, minute = 0, second = 0] = numbers
  return [hour, minute, second]
}

/** A number of so many digits at the beginning of a token. */
const numberOf = (token: string, least: number, most: number): number | undefined => {
  const digits = digitsAt(token, 0)
  return digits < least || digits > most ? undefined : Number(token.slice(0, digits))
}

const monthOf = (token: string): number | undefined => {
  const month = months.indexOf(token.slice(0, 3).toLowerCase())
  return month < 0 ? undefined : month
}

/** Each part is the first token that can be it, in this order. */
const take = (parts: Parts, token: string): void => {
  if (parts.time === undefined && (parts.time = timeOf(token)) !== undefined) return
  if (parts.day === undefined && (parts.day = numberOf(token, 1, 2)) !== undefined) return
  if (parts.month === undefined && (parts.month = monthOf(token)) !== undefined) return
  if (parts.year === undefined) parts.year = numberOf(token, 2, 4)
}

const fullYear = (year: number): number => year <= 69 ? year + 2000 : year <= 99 ? year + 1900 : year

/** Milliseconds since the epoch, or `undefined` for what is no date. */
export const parseCookieDate = (text: string): number | undefined => {
  const parts: Parts = { time: undefined, day: undefined, month: undefined, year: undefined }
  for (let i = 0; i < text.length; i++) {
    if (isDelimiter(text.charCodeAt(i))) continue
    const start = i
    while (i < text.length && !isDelimiter(text.charCodeAt(i))) i++
    take(parts, text.slice(start, i))
  }
  const { day, month, time, year: written } = parts
  if (day === undefined || month === undefined || time === undefined || written === undefined) return undefined
  const year = fullYear(written)
  const [hour, minute, second] = time
  if (day < 1 || day > 31 || year < 1601 || hour > 23 || minute > 59 || second > 59) return undefined
  const date = new Date(Date.UTC(year, month, day, hour, minute, second))
  // there is no 31 April
  return date.getUTCDate() === day ? date.getTime() : undefined
}
