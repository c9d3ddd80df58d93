/**
 * The codec against `node:http`: the same bytes, cut at random, are the same message for both, or both refuse them, but
 * for the differences listed here, each with its reason and an example that keeps it true.
 */
import { assert, describe, it } from "@effect/vitest"
import { type ExchangeStart, type HeaderFields, type ResponseHead, ResponseParser } from "@urlsession/core/Http1"
import * as Effect from "effect/Effect"
import * as http from "node:http"
import { Duplex } from "node:stream"
import { mutant, pieces, random } from "../../../scripts/fuzz-http1.mjs"
import { CHUNKED, differences, type Head, OK, type Outcome } from "./http1-differences.ts"

const lowerNames = (raw: ReadonlyArray<string>): ReadonlyArray<string> =>
  raw.map((text, index) => index % 2 === 0 ? text.toLowerCase() : text)

const latin1Slice = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1")

const viaCodec = (parts: ReadonlyArray<Uint8Array>, request: ExchangeStart): Outcome => {
  const informational: Array<Head> = []
  let head: Head | undefined = undefined
  let body = ""
  let trailers: ReadonlyArray<string> | undefined = undefined
  const headOf = ({ fields, reason, status, version }: ResponseHead): Head => ({
    version,
    status,
    reason,
    fields: fields.flat
  })
  const parser = new ResponseParser({
    onInformational: (response) => informational.push(headOf(response)),
    onHead: (response) => {
      head = headOf(response)
    },
    onBody: (bytes) => {
      body += latin1Slice(bytes, 0, bytes.length)
    },
    onComplete: (fields: HeaderFields) => {
      trailers = fields.flat
    },
    onFault: () => {}
  }, { latin1: latin1Slice })
  parser.begin(request)
  for (const part of parts) {
    parser.execute(part)
  }
  parser.eof()
  const rest = parser.tunnelBytes
  return head === undefined
    ? { _tag: "Refused" }
    : rest !== undefined
    ? { _tag: "Tunnel", informational, head, rest: latin1Slice(rest, 0, rest.length) }
    : trailers !== undefined
    ? { _tag: "Message", informational, head, body, trailers }
    : { _tag: "Refused" }
}

interface NodeHead {
  readonly httpVersion: string
  readonly statusCode?: number | undefined
  readonly statusMessage?: string | undefined
  readonly rawHeaders: ReadonlyArray<string>
}

const nodeHead = (response: NodeHead): Head => ({
  version: response.httpVersion,
  status: response.statusCode ?? 0,
  reason: response.statusMessage ?? "",
  fields: lowerNames(response.rawHeaders)
})

// `node:http` reads from a duplex of ours: every part is one 'data' event, as it would be one read of a socket.
const viaNode = (parts: ReadonlyArray<Uint8Array>, request: ExchangeStart): Effect.Effect<Outcome> =>
  Effect.async((resume) => {
    const informational: Array<Head> = []
    let response: http.IncomingMessage | undefined = undefined
    let body = ""
    let tunnel: { readonly head: Head; rest: string } | undefined = undefined
    const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const outgoing = http.request({
      method: request.method,
      path: request.method === "CONNECT" ? "a:1" : "/",
      headers: request.upgrade ? { connection: "upgrade", upgrade: "x" } : {},
      createConnection: () => duplex
    })
    const finish = () => {
      outgoing.destroy()
      duplex.destroy()
      resume(Effect.succeed(
        tunnel !== undefined
          ? { _tag: "Tunnel", informational, ...tunnel }
          : response !== undefined && response.complete
          ? {
            _tag: "Message",
            informational,
            head: nodeHead(response),
            body,
            trailers: lowerNames(response.rawTrailers)
          }
          : { _tag: "Refused" }
      ))
    }
    const tunnelled = (answer: http.IncomingMessage, socket: Duplex, first: Buffer) => {
      const taken = { head: nodeHead(answer), rest: first.toString("latin1") }
      tunnel = taken
      socket.on("data", (bytes: Buffer) => {
        taken.rest += bytes.toString("latin1")
      })
      socket.on("error", () => {})
      socket.on("end", finish)
    }
    outgoing.on("information", (answer) => informational.push(nodeHead(answer)))
    outgoing.on("response", (answer) => {
      response = answer
      answer.on("data", (bytes: Buffer) => {
        body += bytes.toString("latin1")
      })
      answer.on("error", () => {})
    })
    outgoing.on("upgrade", tunnelled)
    outgoing.on("connect", tunnelled)
    outgoing.on("error", () => {})
    outgoing.on("close", () => {
      if (tunnel === undefined) {
        finish()
      }
    })
    outgoing.on("socket", () =>
      setImmediate(() => {
        for (const part of parts) {
          duplex.push(part)
        }
        duplex.push(null)
      }))
    outgoing.end()
  })

const same = (a: Outcome, b: Outcome): boolean => JSON.stringify(a) === JSON.stringify(b)

const plain: ExchangeStart = { method: "GET", upgrade: false, expectContinue: false }

const bytesOf = (wire: string): Uint8Array => Buffer.from(wire, "latin1")

describe("the codec and node:http", () => {
  it.live(
    "NET-06 read 5,000 mutated responses alike, cut at random, but for the listed differences",
    () =>
      Effect.gen(function*() {
        const next = random(20261124)
        let agreed = 0
        let read = 0
        for (let i = 0; i < 5000; i++) {
          const { request, text } = mutant(next)
          const parts = pieces(bytesOf(text), next)
          const ours = viaCodec(parts, request)
          const theirs = yield* viaNode(parts, request)
          if (same(ours, theirs)) {
            agreed++
            read += ours._tag === "Refused" ? 0 : 1
            continue
          }
          const difference = differences.find(({ applies, codec, node }) =>
            codec === ours._tag && node === theirs._tag && applies(text, request)
          )
          assert.isDefined(
            difference,
            `run ${i}: ${JSON.stringify(text)} to ${JSON.stringify(request)}\n${JSON.stringify(ours)}\n${
              JSON.stringify(theirs)
            }`
          )
        }
        // The mutations must be neither all harmless nor all fatal, or the comparison means little.
        assert.isAbove(agreed, 4000)
        assert.isAbove(read, 300)
      }),
    60_000
  )

  for (const { codec, example: [wire, request = {}], id, node, reason } of differences) {
    it.live(`differ about ${id}: ${reason}`, () =>
      Effect.gen(function*() {
        const start = { ...plain, ...request }
        const ours = viaCodec([bytesOf(wire)], start)
        const theirs = yield* viaNode([bytesOf(wire)], start)
        assert.strictEqual(ours._tag, codec)
        assert.strictEqual(theirs._tag, node)
        assert.isFalse(same(ours, theirs))
      }))
  }

  const alike: ReadonlyArray<readonly [why: string, wire: string, request?: Partial<ExchangeStart>]> = [
    ["a length", `${OK}Content-Length: 5\r\n\r\nhello`],
    ["chunks and trailers", `${CHUNKED}5\r\nhello\r\n0\r\nX: y\r\n\r\n`],
    ["until close", `${OK}X: y\r\n\r\nhello`],
    ["informational responses", `HTTP/1.1 103 E\r\nLink: x\r\n\r\n${OK}Content-Length: 0\r\n\r\n`],
    ["999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"],
    ["HEAD", `${OK}Content-Length: 5\r\n\r\n`, { method: "HEAD" }],
    ["204 with a length", "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n"],
    ["surplus", `${OK}Content-Length: 1\r\n\r\nhello`],
    ["an upgrade", "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nxyz", { upgrade: true }],
    ["a tunnel", `${OK}\r\nxyz`, { method: "CONNECT" }],
    ["no space before the reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"],
    ["Transfer-Encoding and Content-Length", `${OK}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`],
    ["two Content-Lengths", `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
    ["LF alone", `${OK}X: y\nContent-Length: 0\r\n\r\n`],
    ["a space before the colon", `${OK}X : y\r\nContent-Length: 0\r\n\r\n`],
    ["NUL", `${OK}X: \0\r\nContent-Length: 0\r\n\r\n`],
    ["white space first", `${OK} X: y\r\nContent-Length: 0\r\n\r\n`],
    ["a short body", `${OK}Content-Length: 5\r\n\r\nhell`],
    ["a bad chunk size", `${CHUNKED}z\r\nhello\r\n0\r\n\r\n`],
    ["LF alone behind a chunk size", `${CHUNKED}5\nhello\r\n0\r\n\r\n`],
    ["a chunk that is too long", `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`],
    ["nothing", ""]
  ]
  for (const [why, wire, request = {}] of alike) {
    it.live(`read alike, at every cut: ${why}`, () =>
      Effect.gen(function*() {
        const bytes = bytesOf(wire)
        const start = { ...plain, ...request }
        for (let cut = 0; cut <= bytes.length; cut += 3) {
          const parts = [bytes.subarray(0, cut), bytes.subarray(cut)].filter((part) => part.length > 0)
          assert.deepStrictEqual(viaCodec(parts, start), yield* viaNode(parts, start))
        }
      }))
  }
})
