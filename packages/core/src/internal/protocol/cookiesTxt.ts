/** `cookies.txt`, the file that Netscape began and curl goes on with: seven columns, and `#HttpOnly_` in front of some. */

/** A line. */
export interface CookiesTxtLine {
  /** Without a dot in front. */
  readonly domain: string
  /** Hosts below the domain get it too. */
  readonly below: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** Seconds since the epoch; 0 for a cookie that ends with the program. */
  readonly expires: number
  readonly name: string
  readonly value: string
}

const httpOnlyMark = "#HttpOnly_"

const flag = (text: string): boolean | undefined => {
  const upper = text.toUpperCase()
  return upper === "TRUE" ? true : upper === "FALSE" ? false : undefined
}

const lineOf = (text: string): CookiesTxtLine | undefined => {
  const httpOnly = text.startsWith(httpOnlyMark)
  const columns = (httpOnly ? text.slice(httpOnlyMark.length) : text).split("\t")
  const [domain = "", tail = "", path = "", secureText = "", expiresText = "", name = "", value = ""] = columns
  const below = flag(tail)
  const secure = flag(secureText)
  // a last column that is empty is often left out
  if (columns.length < 6 || columns.length > 7 || below === undefined || secure === undefined) return undefined
  if (!/^-?\d{1,20}$/.test(expiresText)) return undefined
  const bare = domain.startsWith(".") ? domain.slice(1) : domain
  return {
    domain: bare,
    below,
    path: path === "" ? "/" : path,
    secure,
    httpOnly,
    expires: Number(expiresText),
    name,
    value
  }
}

/** The lines of a file, and the numbers (from 1) of those that are none. Comments and empty lines are skipped. */
export const parseCookiesTxt = (
  text: string
): {
  readonly lines: ReadonlyArray<{ readonly number: number; readonly line: CookiesTxtLine }>
  readonly bad: ReadonlyArray<number>
} => {
  const lines: Array<{ readonly number: number; readonly line: CookiesTxtLine }> = []
  const bad: Array<number> = []
  for (const [index, written] of text.replace(/^\ufeff/, "").split("\n").entries()) {
    const line = written.endsWith("\r") ? written.slice(0, -1) : written
    if (line.trim() === "" || (line.startsWith("#") && !line.startsWith(httpOnlyMark))) continue
    const read = lineOf(line)
    if (read === undefined) bad.push(index + 1)
    else lines.push({ number: index + 1, line: read })
  }
  return { lines, bad }
}

const word = (value: boolean): string => value ? "TRUE" : "FALSE"

/** Whether the columns can hold a cookie: nothing with a tab, and nothing without a name. */
export const fitsCookiesTxt = (line: CookiesTxtLine): boolean =>
  line.name !== "" && !line.name.includes("\t") && !line.value.includes("\t") && !line.path.includes("\t")

export const printCookiesTxt = (lines: Iterable<CookiesTxtLine>): string => {
  let text = "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n"
  for (const line of lines) {
    if (!fitsCookiesTxt(line)) continue
    const columns = [
      `${line.httpOnly ? httpOnlyMark : ""}${line.below ? "." : ""}${line.domain}`,
      word(line.below),
      line.path,
      word(line.secure),
      String(line.expires),
      line.name,
      line.value
    ]
    text += `${columns.join("\t")}\n`
  }
  return text
}
