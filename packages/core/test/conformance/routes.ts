/** What the origin of the conformance suite answers, as values: a server carries them out, and so does a script. */

/** A request, once all of its body is there. */
export interface Asked {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly target: string
  readonly field: (name: string) => string | undefined
  readonly body: Uint8Array
}

/** An answer. */
export interface Plan {
  readonly status: number
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: ReadonlyArray<Uint8Array>
  /** What is announced; `undefined`: only the end tells. */
  readonly length: number | undefined
  /** What follows the body: its end, that of the connection as well, nothing for ever, or a loss of the connection. */
  readonly ending: "end" | "last" | "stall" | "cut" | "reset"
}

/** What an echo says of the request that it answers. */
export interface Echo {
  readonly method: string
  readonly target: string
  readonly length: number
  /** Of the body, as UTF-8, where it is short. */
  readonly text: string
  readonly sum: number
  readonly contentType: string | undefined
  /** `Content-Length`, as it was announced. */
  readonly announced: string | undefined
  readonly custom: string | undefined
  readonly authorization: string | undefined
}

const utf8 = new TextEncoder()
const decoder = new TextDecoder()

/** A checksum, quick enough for megabytes. */
export const sumOf = (bytes: Uint8Array, from = 1): number => {
  let sum = from
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + (bytes[i] ?? 0)) | 0
  return sum
}

/** Bytes that differ from their neighbours at every distance that a mistake would shift them by. */
export const pattern = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i ^ (i >> 8) ^ (i >> 16)) & 255
  return bytes
}

export const codedText = "hello, coded world. ".repeat(400)

const gzipped = Uint8Array.from(
  atob(
    "H4sIAAAAAAACA+3IsQnAMAwAsFd8QMlTsSGDwdCl7/eQSKNOdc8Te7Iyvnk7VxznnHPOOeecc84555xzzjnnnHPusvsBoYGE0EAfAAA="
  ),
  (character) => character.charCodeAt(0)
)

/** The head of the coding is good, what follows is not. */
const broken = gzipped.map((byte, i) => i < 20 ? byte : byte ^ 0x55)

const respond = (
  status: number,
  body: string | Uint8Array,
  fields: Readonly<Record<string, string>> | ReadonlyArray<readonly [string, string]> = {}
): Plan => {
  const bytes = typeof body === "string" ? utf8.encode(body) : body
  const named = Object.entries(fields)
  const given = Array.isArray(fields) ? fields : named
  const typed = typeof body === "string" && !given.some(([name]) => name === "content-type")
  return {
    status,
    fields: typed ? [["content-type", "text/plain; charset=utf-8"], ...given] : given,
    body: bytes.length === 0 ? [] : [bytes],
    length: bytes.length,
    ending: "end"
  }
}

const pieces = (length: number): ReadonlyArray<Uint8Array> => {
  const whole = pattern(length)
  const parts: Array<Uint8Array> = []
  for (let at = 0; at < length; at += 64 * 1024) parts.push(whole.subarray(at, at + 64 * 1024))
  return parts
}

const echo = ({ body, field, method, target }: Asked): Plan => {
  const said: Echo = {
    method,
    target,
    length: body.length,
    text: body.length > 4096 ? "" : decoder.decode(body),
    sum: sumOf(body),
    contentType: field("content-type"),
    announced: field("content-length"),
    custom: field("x-custom"),
    authorization: field("authorization")
  }
  return respond(200, JSON.stringify(said), { "content-type": "application/json" })
}

const redirect = (status: number, location: string): Plan => respond(status, "over there", { location })

/** `user:secret` of the route that wants it. */
export const password = { user: "ada", password: "pa55-of-conformance" }

const challenged = ({ field }: Asked): Plan =>
  field("authorization") === `Basic ${btoa(`${password.user}:${password.password}`)}`
    ? respond(200, "welcome")
    : respond(401, "who are you", { "www-authenticate": "Basic realm=\"conformance\"" })

type Route = (asked: Asked, query: URLSearchParams, parts: ReadonlyArray<string>) => Plan

const number = (text: string | undefined): number => Number(text ?? 0)

const routes: Readonly<Record<string, Route>> = {
  hello: () => respond(200, "hello, world"),
  echo,
  empty: () => respond(200, ""),
  status: (_, __, [status]) => respond(number(status), "a body"),
  large: (_, __, [length]) => ({ ...respond(200, ""), body: pieces(number(length)), length: number(length) }),
  chunked: (_, __, [length]) => ({ ...respond(200, ""), body: pieces(number(length)), length: undefined }),
  // a number of redirects, then an echo
  redirect: (_, query, [status, count]) =>
    redirect(
      number(status),
      number(count) > 1 ? `/redirect/${status}/${number(count) - 1}?${query}` : `/echo?${query}`
    ),
  to: (_, query, [status]) => redirect(number(status), query.get("location") ?? ""),
  loop: () => redirect(302, "/loop"),
  nowhere: (_, __, [status]) => respond(number(status), "no location"),
  secret: challenged,
  gzip: () => respond(200, gzipped, { "content-type": "text/plain", "content-encoding": "gzip" }),
  brokenGzip: () => respond(200, broken, { "content-type": "text/plain", "content-encoding": "gzip" }),
  twice: () => respond(200, "", [["x-twice", "one"], ["x-twice", "two"], ["x-once", "alone"]]),
  latin1: () =>
    respond(200, Uint8Array.from([0xe4, 0xf6, 0xfc]), { "content-type": "Text/Plain; Charset=\"ISO-8859-1\"" }),
  utf8: () => respond(200, "grüße, 世界"),
  json: () => respond(200, "{\"answer\":42,\"list\":[1,2,3]}", { "content-type": "application/json" }),
  brokenJson: () => respond(200, "{\"answer\":", { "content-type": "application/json" }),
  attachment: () => respond(200, "file", { "content-disposition": "attachment; filename=\"re/port.txt\"" }),
  // never an answer
  silence: () => ({ ...respond(0, ""), ending: "stall" }),
  // so many bytes, then nothing
  stall: (_, __, [length]) => ({
    ...respond(200, ""),
    body: pieces(number(length)),
    length: undefined,
    ending: "stall"
  }),
  // fewer bytes than were announced, then the end of the connection
  cut: (_, __, [announced, sent]) => ({
    ...respond(200, ""),
    body: pieces(number(sent)),
    length: announced === "chunked" ? undefined : number(announced),
    ending: "cut"
  }),
  // the same, and no end but a reset
  reset: (_, __, [sent]) => ({ ...respond(200, ""), body: pieces(number(sent)), length: undefined, ending: "reset" }),
  // a whole answer, and the connection is closed behind it
  last: () => ({ ...respond(200, "the last"), ending: "last" })
}

/** What the origin says. A `status` of 0 is no answer at all. */
export const answer = (asked: Asked): Plan => {
  const [path = "", query = ""] = asked.target.split("?", 2)
  const [, name = "", ...parts] = path.split("/")
  const route = routes[name]
  const plan = route === undefined
    ? respond(404, "there is no such route")
    : route(asked, new URLSearchParams(query), parts)
  // a browser keeps what it may
  return { ...plan, fields: [...plan.fields, ["cache-control", "no-store"]] }
}
