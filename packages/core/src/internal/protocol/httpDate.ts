/**
 * The three forms of a date in HTTP (RFC 9110 5.6.7), read strictly: whatever is not one of them is no date. Only upper and
 * lower case are not told apart, which RFC 9111 4.2 wants of a cache and which harms nobody else.
 */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const days = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
const longDays = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
const time = "(\\d{2}):(\\d{2}):(\\d{2})"

const fixed = new RegExp(`^${days}, (\\d{2}) ([a-z]{3}) (\\d{4}) ${time} GMT$`, "i")
const obsolete = new RegExp(`^${longDays}, (\\d{2})-([a-z]{3})-(\\d{2}) ${time} GMT$`, "i")
const asctime = new RegExp(`^${days} ([a-z]{3}) ([ \\d]\\d) ${time} (\\d{4})$`, "i")

const moment = (
  year: number,
  month: string | undefined,
  day: string | undefined,
  clock: ReadonlyArray<string | undefined>
): number | undefined => {
  const index = months.indexOf((month ?? "").toLowerCase())
  const [hour = 99, minute = 99, second = 99] = clock.map(Number)
  // a leap second is a second like any other
  if (index < 0 || hour > 23 || minute > 59 || second > 60) return undefined
  const at = Date.UTC(year, index, Number(day), hour, minute, second)
  const date = new Date(Date.UTC(year, index, Number(day)))
  // the 31st of a short month is no day of the next one
  return date.getUTCMonth() === index ? at : undefined
}

/** Two digits are a year of this century, unless that lies more than 50 years ahead (RFC 9110 5.6.7). */
const century = (year: number, now: number): number => {
  const present = new Date(now).getUTCFullYear()
  const guess = present - (present % 100) + year
  return guess > present + 50 ? guess - 100 : guess
}

/** Milliseconds since the epoch, or `undefined`. `now` is needed for years of two digits. */
export const parseHttpDate = (text: string, now: number): number | undefined => {
  const usual = fixed.exec(text)
  if (usual !== null) return moment(Number(usual[3]), usual[2], usual[1], usual.slice(4))
  const old = obsolete.exec(text)
  if (old !== null) return moment(century(Number(old[3]), now), old[2], old[1], old.slice(4))
  const c = asctime.exec(text)
  return c === null ? undefined : moment(Number(c[6]), c[1], c[2], c.slice(3, 6))
}

/** The form that is sent. */
export const formatHttpDate = (milliseconds: number): string => new Date(milliseconds).toUTCString()
