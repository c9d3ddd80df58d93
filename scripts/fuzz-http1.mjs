/**
 * Fuzzes the HTTP/1.1 response parser with mutations of responses: every input is read whole and in pieces, which must
 * give the same events, in a legal order, without a throw and without keeping more than the limits allow. The inputs
 * follow from the seed alone. `npm run fuzz` reads a million of them; `-- --runs N --seed N` chooses others.
 */
import { pathToFileURL } from "node:url"

const CORPUS = [
  "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1f\r\n0123456789012345678901234567890\r\n0\r\nX: y\r\nAge: 1\r\n\r\n",
  "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nuntil the end of the connection",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
  "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n",
  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\",\r\n nonce=\"b\"\r\nContent-Length: 0\r\n\r\n",
  "\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nContent-Length: 0, 0\r\n\r\n"
]

const TOKENS = [
  "\r\n",
  "\r",
  "\n",
  "\r\n\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "\"",
  "\r\n ",
  "\xff",
  "\x7f",
  "0",
  "0\r\n\r\n",
  "ffffffffffffffff",
  "9007199254740992",
  "-1",
  "HTTP/1.1 ",
  "HTTP/1.1 100 C\r\n\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 4\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "X: y\r\n",
  "x".repeat(40)
]

const METHODS = ["GET", "GET", "GET", "POST", "HEAD", "CONNECT"]

const LIMITS = [
  undefined,
  { maxHeadBytes: 120, maxFields: 4, maxChunkExtensionBytes: 8, maxInformational: 2, maxInformationalBytes: 60 }
]

/** A small generator of numbers from 0 up to a bound, the same for the same seed (mulberry32). */
export const random = (seed) => {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

const toBytes = (text) => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

const mutate = (text, next) => {
  const at = next(text.length + 1)
  const length = next(12)
  switch (next(8)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(next(256)) + text.slice(at + 1)
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + length)
    case 2:
      return text.slice(0, at) + TOKENS[next(TOKENS.length)] + text.slice(at)
    case 3:
      return text.slice(0, at) + TOKENS[next(TOKENS.length)] + text.slice(at + length)
    case 4:
      return text.slice(0, at) + text.slice(Math.max(0, at - length * 4))
    case 5:
      return text.slice(0, at)
    case 6: {
      const other = CORPUS[next(CORPUS.length)]
      return text.slice(0, at) + other.slice(next(other.length))
    }
    default: {
      const code = text.charCodeAt(at)
      return at < text.length
        ? text.slice(0, at) + String.fromCharCode(code ^ (1 << next(8))) + text.slice(at + 1)
        : text
    }
  }
}

/** The next input: some response, changed in one to four places, and the request it would answer. */
export const mutant = (next) => {
  let text = CORPUS[next(CORPUS.length)]
  for (let count = next(4); count >= 0; count--) text = mutate(text, next)
  return { text, request: { method: METHODS[next(METHODS.length)], upgrade: next(8) === 0, expectContinue: false } }
}

/** Cuts bytes into pieces of random sizes. */
export const pieces = (bytes, next) => {
  const parts = []
  const size = 1 + next(24)
  for (let from = 0; from < bytes.length;) {
    const to = from + 1 + next(size)
    parts.push(bytes.subarray(from, to))
    from = to
  }
  return parts
}

/** All that a parser said, in a form that does not depend on how a body was cut, and what it should not have said. */
class Listener {
  constructor() {
    this.log = []
    this.bodyLength = 0
    this.bodyHash = 0
    this.heads = 0
    this.over = 0
    this.illegal = ""
  }
  onInformational(head) {
    if (this.over > 0 || this.heads > 0) this.illegal = "informational response out of order"
    this.say(head)
  }
  onHead(head) {
    if (this.over > 0 || this.heads++ > 0) this.illegal = "head out of order"
    this.say(head)
  }
  say(head) {
    this.log.push(head.version, head.status, head.reason, head.framing._tag, head.headBytes, ...head.fields.flat)
  }
  onBody(bytes) {
    if (this.over > 0 || this.heads === 0 || bytes.length === 0) this.illegal = "body out of order"
    this.bodyLength += bytes.length
    for (const byte of bytes) this.bodyHash = (Math.imul(this.bodyHash, 31) + byte) | 0
  }
  onComplete(trailers) {
    if (this.over++ > 0 || this.heads === 0) this.illegal = "completion out of order"
    this.log.push("complete", ...trailers.flat)
  }
  onFault(fault) {
    if (this.over++ > 0) this.illegal = "fault out of order"
    if (fault.bytesReceived !== this.bodyLength) this.illegal = "a fault that counts wrongly"
    this.log.push("fault", fault._tag, fault.detail, fault.expected)
  }
}

const run = (ResponseParser, parts, request, limits) => {
  const listener = new Listener()
  const parser = new ResponseParser(listener, limits === undefined ? {} : { limits })
  parser.begin(request)
  for (const part of parts) parser.execute(part)
  const before = parser.state
  parser.eof()
  const tunnel = parser.tunnelBytes
  listener.log.push(
    before,
    parser.state,
    parser.started,
    parser.surplus,
    parser.keepAlive,
    parser.keepAliveTimeout,
    parser.bodyBytes,
    listener.bodyLength,
    listener.bodyHash,
    tunnel === undefined ? "" : tunnel.join()
  )
  if (parser.state === "head" || parser.state === "body" || parser.state === "idle") {
    listener.illegal = `still ${parser.state} behind the end of the stream`
  }
  return listener
}

/** Reads `runs` inputs that follow from `seed`; throws an error that shows the input where a promise is broken. */
export const fuzz = ({ ResponseParser, runs, seed }) => {
  const next = random(seed)
  const outcomes = {}
  for (let i = 0; i < runs; i++) {
    const { request, text } = mutant(next)
    const limits = LIMITS[next(LIMITS.length)]
    const bytes = toBytes(text)
    const parts = pieces(bytes, next)
    let whole
    let cut
    try {
      whole = run(ResponseParser, [bytes], request, limits)
      cut = run(ResponseParser, parts, request, limits)
    } catch (cause) {
      throw new Error(`run ${i} of seed ${seed} threw on ${JSON.stringify(text)}`, { cause })
    }
    const illegal = whole.illegal || cut.illegal
    if (illegal !== "") {
      throw new Error(`run ${i} of seed ${seed}: ${illegal} on ${JSON.stringify(text)}`)
    }
    const same = whole.log.length === cut.log.length && whole.log.every((entry, at) => Object.is(entry, cut.log[at]))
    if (!same) {
      throw new Error(
        `run ${i} of seed ${seed}: pieces of ${parts.map((part) => part.length)} bytes change ${
          JSON.stringify(text)
        }:\n` +
          `${JSON.stringify(whole.log)}\n${JSON.stringify(cut.log)}`
      )
    }
    const fault = whole.log.indexOf("fault")
    const outcome = fault === -1 ? "accepted" : String(whole.log[fault + 1])
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  return outcomes
}

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at === -1 ? otherwise : Number(process.argv[at + 1])
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { ResponseParser } = await import("../packages/core/dist/Http1.js")
  const runs = option("--runs", 1_000_000)
  const seed = option("--seed", 1)
  const begun = performance.now()
  const outcomes = fuzz({ ResponseParser, runs, seed })
  for (const [outcome, count] of Object.entries(outcomes).sort((a, b) => b[1] - a[1])) {
    console.log(`${String(count).padStart(9)} ${outcome}`)
  }
  console.log(
    `${runs} inputs of seed ${seed} in ${((performance.now() - begun) / 1000).toFixed(1)} s, no throw, no hang`
  )
}
