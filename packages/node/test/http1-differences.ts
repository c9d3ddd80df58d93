/** What the codec and `node:http` read differently, on purpose: as data, each with its reason and an example. */
import type { ExchangeStart } from "@urlsession/core/Http1"

/** A head as both readers show it; names in lower case. */
export interface Head {
  readonly version: string
  readonly status: number
  readonly reason: string
  readonly fields: ReadonlyArray<string>
}

/** What a reader makes of the bytes up to the end of one message. */
export type Outcome =
  | { readonly _tag: "Refused" }
  | {
    readonly _tag: "Message"
    readonly informational: ReadonlyArray<Head>
    readonly head: Head
    readonly body: string
    readonly trailers: ReadonlyArray<string>
  }
  | { readonly _tag: "Tunnel"; readonly informational: ReadonlyArray<Head>; readonly head: Head; readonly rest: string }

/** A class of bytes that the two read differently, on purpose. */
export interface Difference {
  readonly id: string
  readonly reason: string
  readonly codec: Outcome["_tag"]
  readonly node: Outcome["_tag"]
  readonly applies: (wire: string, request: ExchangeStart) => boolean
  readonly example: readonly [wire: string, request?: Partial<ExchangeStart>]
}

export const OK = "HTTP/1.1 200 OK\r\n"
export const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`

const count = (wire: string, pattern: RegExp): number => [...wire.matchAll(pattern)].length

/** All of them: a difference that is not listed fails the test, and so does one that has ceased to be true. */
export const differences: ReadonlyArray<Difference> = [
  {
    id: "other versions",
    reason: "RFC 9112 knows HTTP/1.0 and 1.1; what claims to be 0.9 or 2.0 in this syntax is a confused peer",
    codec: "Refused",
    node: "Message",
    applies: (wire) => /HTTP\/(?:0\.9|2\.0) /.test(wire),
    example: ["HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"]
  },
  {
    id: "empty lines before a status line",
    reason: "one is tolerated on a new connection; more, or a lone CR or LF, are bytes that nobody asked for",
    codec: "Refused",
    node: "Message",
    applies: (wire) => /^(?!\r\nHTTP)[\r\n]+HTTP/.test(wire) || /\r\n\r\n[\r\n]+HTTP/.test(wire),
    example: [`\r\n\r\n${OK}Content-Length: 0\r\n\r\n`]
  },
  {
    id: "transfer codings other than one chunked",
    reason: "no other coding was asked for with TE, none is decoded, and readers disagree about where such a body ends",
    codec: "Refused",
    node: "Message",
    applies: (wire) =>
      /transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)/i.test(wire) || count(wire, /transfer-encoding:/gi) > 1,
    example: [`${OK}Transfer-Encoding: gzip\r\n\r\nhello`]
  },
  {
    id: "chunked in HTTP/1.0",
    reason: "RFC 9112 section 6.1: such a message has faulty framing",
    codec: "Refused",
    node: "Message",
    applies: (wire) => /HTTP\/1\.0[^]*transfer-encoding:/i.test(wire),
    example: ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
  },
  {
    id: "control characters in the reason phrase",
    reason: "RFC 9112 section 4: HTAB, SP, visible and obs-text only; NUL and escapes end up in logs and terminals",
    codec: "Refused",
    node: "Message",

    applies: (wire) => /HTTP\/1\.[01] \d{3}[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(wire),
    example: ["HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"]
  },
  {
    id: "control characters in the reason phrase of 101 or of an answer to CONNECT",
    reason: "the same",
    codec: "Refused",
    node: "Tunnel",

    applies: (wire) => /HTTP\/1\.[01] \d{3}[^\r\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(wire),
    example: ["HTTP/1.1 101 S\x7f\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", { upgrade: true }]
  },
  {
    id: "Content-Length among trailers",
    reason: "it is dropped like every other field that has no place there (RFC 9110 section 6.5.1)",
    codec: "Message",
    node: "Refused",
    applies: (wire) => /transfer-encoding:[^]*\n0+(?:;[^\r\n]*)?\r\n[^]*content-length:/i.test(wire),
    example: [`${CHUNKED}0\r\nContent-Length: 1\r\n\r\n`]
  },
  {
    id: "chunk sizes of more than 16 digits",
    reason: "a limit on zeros that say nothing",
    codec: "Refused",
    node: "Message",
    applies: (wire) => /[0-9a-f]{17}/i.test(wire),
    example: [`${CHUNKED}00000000000000005\r\nhello\r\n0\r\n\r\n`]
  },
  {
    id: "101 that nobody asked for",
    reason: "the request offered no upgrade, so the connection has lost its meaning",
    codec: "Refused",
    node: "Message",
    applies: (wire, request) => !request.upgrade && /HTTP\/1\.[01] 101/.test(wire),
    example: ["HTTP/1.1 101 Switching Protocols\r\n\r\n"]
  },
  {
    id: "101 that nobody asked for, with an Upgrade field",
    reason: "the same; node:http hands the socket to an 'upgrade' listener whatever was asked",
    codec: "Refused",
    node: "Tunnel",
    applies: (wire, request) => !request.upgrade && /HTTP\/1\.[01] 101/.test(wire),
    example: ["HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"]
  },
  {
    id: "101 without Connection: upgrade",
    reason: "101 ends HTTP on the connection, whatever its fields say; who asked for it judges them",
    codec: "Tunnel",
    node: "Message",
    applies: (wire, request) => request.upgrade && /HTTP\/1\.[01] 101/.test(wire),
    example: ["HTTP/1.1 101 Switching Protocols\r\n\r\nxyz", { upgrade: true }]
  },
  {
    id: "equal Content-Lengths",
    reason: "RFC 9112 section 6.3 rule 5 allows to read them as one, and load balancers do send them",
    codec: "Message",
    node: "Refused",
    applies: (wire) => count(wire, /content-length:/gi) > 1 || /content-length:[^\r\n]*,/i.test(wire),
    example: [`${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`]
  },
  {
    id: "folded values",
    reason: "RFC 9112 section 5.2: a user agent reads a fold as spaces; Apple's stack does",
    codec: "Message",
    node: "Refused",
    applies: (wire) => /\r\n[ \t]/.test(wire),
    example: [`${OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`]
  },
  {
    id: "folded values in a tunnel's head",
    reason: "the same",
    codec: "Tunnel",
    node: "Refused",
    applies: (wire) => /\r\n[ \t]/.test(wire),
    example: [`${OK}X: a\r\n b\r\n\r\n`, { method: "CONNECT" }]
  },
  {
    id: "the inside of chunk extensions",
    reason:
      "extensions are skipped up to CRLF, so only what could end the line early is refused; RFC 9112 7.1.1 has BWS",
    codec: "Message",
    node: "Refused",
    applies: (wire) => /[0-9a-f][ \t]*;/i.test(wire),
    example: [`${CHUNKED}5 ;a b\r\nhello\r\n0\r\n\r\n`]
  },
  {
    id: "framing fields where there is no body",
    reason: "RFC 9112 section 6.3 rule 1 comes first: such a message ends with its head, whatever the fields say",
    codec: "Message",
    node: "Refused",
    applies: (wire, request) => request.method === "HEAD" || /HTTP\/1\.[01] (?:1\d\d|204|304)/.test(wire),
    example: [`${OK}Content-Length: x\r\n\r\n`, { method: "HEAD" }]
  },
  {
    id: "framing fields of a tunnel's head",
    reason: "RFC 9112 section 6.3 rule 2: the same",
    codec: "Tunnel",
    node: "Refused",
    applies: (wire, request) =>
      (request.method === "CONNECT" || request.upgrade) && /content-length:|transfer-encoding:/i.test(wire),
    example: [`${OK}Content-Length: x\r\n\r\n`, { method: "CONNECT" }]
  },
  {
    id: "refusals of CONNECT",
    reason: "anything but 2xx to CONNECT is an ordinary response with a body; node:http gives the raw socket",
    codec: "Message",
    node: "Tunnel",
    applies: (_wire, request) => request.method === "CONNECT",
    example: ["HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nxyz", { method: "CONNECT" }]
  },
  {
    id: "informational answers to CONNECT",
    reason: "a 1xx is never the answer; node:http takes it for one",
    codec: "Tunnel",
    node: "Tunnel",
    applies: (wire, request) => request.method === "CONNECT" && /HTTP\/1\.[01] 1/.test(wire),
    example: [`HTTP/1.1 103 E\r\n\r\n${OK}\r\n`, { method: "CONNECT" }]
  },
  {
    id: "broken refusals of CONNECT",
    reason: "the same: what node:http does not read it cannot refuse",
    codec: "Refused",
    node: "Tunnel",
    applies: (_wire, request) => request.method === "CONNECT",
    example: ["HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nx", { method: "CONNECT" }]
  },
  {
    id: "trailers that frame, route or authenticate",
    reason: "RFC 9110 section 6.5.1: they are dropped",
    codec: "Message",
    node: "Message",
    applies: (wire) => /0\r\n[^]*?(?:age|connection|keep-alive|set-cookie|location):/i.test(wire),
    example: [`${CHUNKED}0\r\nX: y\r\nAge: 1\r\n\r\n`]
  }
]
