// What is recorded on sockets is replayed without any: the same program sees the same, and the file has no secret.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import type { ContentCodings } from "@urlsession/core/ContentCodings"
import * as Credential from "@urlsession/core/Credential"
import type { Digests } from "@urlsession/core/Digests"
import * as Disposition from "@urlsession/core/Disposition"
import * as Recorder from "@urlsession/core/Recorder"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as SessionError from "@urlsession/core/SessionError"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeContentCodings from "@urlsession/node/NodeContentCodings"
import * as NodeDigests from "@urlsession/node/NodeDigests"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as zlib from "node:zlib"
import { digestServer } from "../session/digestServer.ts"
import { authority, leaf, text } from "../session/support.ts"
import { type Behaviour, type Peer, presenting, rawServer, response } from "../support/rawServer.ts"
import { folder } from "./support.ts"

const secrets = {
  password: "hunter2-correct-horse",
  bearer: "tok-5f2c9e",
  apiKey: "key-77aa10",
  cookie: "sid-93be01",
  signature: "sig-a41d77",
  code: "oauth-code-1f",
  csrf: "csrf-0d8e1b"
}
const base64 = (value: string) => Buffer.from(value).toString("base64")

const large = Buffer.alloc(5 * 1024 * 1024 + 77).map((_, index) => (index * 7919) >>> 3)
const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const send = (peer: Peer, status: string, fields: ReadonlyArray<string>, body = "") =>
  void peer.socket.write(response(body, { status, fields }), "latin1")

const routes: Readonly<Record<string, (peer: Peer, head: string) => void>> = {
  "/redirect": (peer) =>
    send(peer, "302 Found", [
      `Location: /target?code=${secrets.code}&page=2`,
      `Set-Cookie: sid=${secrets.cookie}; HttpOnly`
    ], "moved"),
  "/target": (peer) => send(peer, "200 OK", ["Content-Type: text/plain", `X-CSRF-Token: ${secrets.csrf}`], "there"),
  "/basic": (peer, head) =>
    /^authorization: basic /im.test(head)
      ? send(peer, "200 OK", [], "in")
      : send(peer, "401 Unauthorized", ["WWW-Authenticate: Basic realm=\"api\""], "who are you?"),
  "/gzip": (peer) => {
    const coded = zlib.gzipSync("hello ".repeat(1000))
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`)
    peer.socket.write(coded)
  },
  "/chunked": (peer) =>
    void peer.socket.write(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n"
    ),
  "/hints": (peer) => {
    peer.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    send(peer, "200 OK", [], "hinted")
  },
  "/broken": (peer) => {
    peer.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
  },
  "/garbage": (peer) => void peer.socket.end("this is not HTTP\r\n\r\n"),
  "/large": (peer) => {
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`)
    peer.socket.write(large)
  },
  "/upload": () => undefined,
  "/hang": () => undefined
}

const behaviour: Behaviour = {
  onRequest: (peer, head) => routes[/^\w+ ([^ ?]+)/.exec(head)?.[1] ?? ""]?.(peer, head),
  // a chunked upload is over with its last chunk
  onData: (peer, data) => {
    if (peer.received.includes("PUT /upload") && data.toString("latin1").endsWith("0\r\n\r\n")) {
      send(peer, "201 Created", [], "stored")
    }
  }
}

interface Origins {
  readonly plain: string
  readonly digest: string
  readonly secure: string
  readonly refused: string
}

const shownError = (error: SessionError.SessionError) => ({
  tag: error._tag,
  reason: error.reason,
  code: error.code,
  message: error.message
})

/** What a program can see of an answer. */
const seen = (session: UrlSession.Service, request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const answer = yield* session.execute(request)
    let read = Buffer.alloc(0)
    const end = yield* Effect.either(answer.forEachChunk((bytes) => {
      read = Buffer.concat([read, bytes])
    }))
    return {
      status: answer.status,
      reason: answer.reason,
      url: answer.url,
      headers: [...answer.headers].filter(([name]) => name !== "authentication-info"),
      expected: answer.expectedContentLength,
      body: read.length > 10_000 ? digestOf(read) : text(read),
      trailers: [...yield* answer.trailers],
      transactions: (yield* answer.metrics).transactions.map((one) => ({
        method: one.method,
        url: one.url,
        status: one.status,
        protocol: one.connection?.protocol,
        port: one.connection?.remotePort,
        reused: one.reused,
        bytes: [one.requestHeaderBytes, one.requestBodyBytes, one.responseHeaderBytes, one.responseBodyBytes]
      })),
      end: Either.isLeft(end) ? shownError(end.left) : "whole"
    }
  }).pipe(Effect.catchAll((error) => Effect.succeed(shownError(error))))

const program = (session: UrlSession.Service, origins: Origins) =>
  Effect.gen(function*() {
    const { digest, plain, refused, secure } = origins
    const signed = HttpClientRequest.get(`${plain}/target?X-Signature=${secrets.signature}&page=1`).pipe(
      HttpClientRequest.bearerToken(secrets.bearer),
      HttpClientRequest.setHeaders({ "X-Api-Key": secrets.apiKey, Cookie: `sid=${secrets.cookie}` })
    )
    const form = HttpClientRequest.post(`${plain}/target`).pipe(
      HttpClientRequest.bodyUrlParams({ user: "ada", password: secrets.password })
    )
    const json = HttpClientRequest.post(`${plain}/target`).pipe(
      HttpClientRequest.bodyUnsafeJson({ user: "ada", password: secrets.password })
    )
    const requests = [
      HttpClientRequest.get(`${plain}/redirect`),
      signed,
      form,
      json,
      HttpClientRequest.get(`${plain.replace("//", `//grace:${secrets.password}@`)}/target`),
      HttpClientRequest.get(`${plain}/basic`),
      HttpClientRequest.get(`${plain}/basic`),
      HttpClientRequest.get(`${digest}/a`),
      HttpClientRequest.get(`${digest}/a`),
      HttpClientRequest.get(`${plain}/gzip`),
      HttpClientRequest.head(`${plain}/target`),
      HttpClientRequest.get(`${plain}/chunked`),
      HttpClientRequest.get(`${plain}/hints`),
      HttpClientRequest.get(`${plain}/broken`),
      HttpClientRequest.get(`${plain}/garbage`),
      HttpClientRequest.get(`${plain}/large`),
      HttpClientRequest.get(`${secure}/target`),
      HttpClientRequest.get(refused)
    ]
    const answers = yield* Effect.forEach(requests, (request) => seen(session, request))
    const pieces = Stream.fromIterable(Array.from({ length: 40 }, () => new Uint8Array(50_000)))
    const [stored, upload] = yield* session.upload(
      HttpClientRequest.put(`${plain}/upload`),
      RequestBody.stream(pieces)
    )
    return { answers, upload: [upload.status, text(stored)] }
  })

/** Notes what observers are told that does not depend on the time. */
const observing = () => {
  const events: Array<unknown> = []
  const note = (event: unknown) =>
    Effect.sync(() => {
      events.push(event)
    })
  const layer = SessionEvent.layer({
    InformationalResponse: ({ headers, status }) => note([status, [...headers]]),
    Redirected: ({ from, status, to }) => note([status, from, to]),
    ChallengeAnswered: ({ disposition, space }) => note([space, disposition]),
    ResponseReceived: () => note("response"),
    TaskCompleted: ({ error }) => note(error?._tag ?? "complete")
  })
  return { events, layer }
}

const delegate = (root: string, judged: Array<string>) => {
  const answer = ({ previousFailureCount }: { readonly previousFailureCount: number }) =>
    Effect.succeed(
      previousFailureCount > 0
        ? Disposition.useNone
        : Disposition.use(Credential.password({ user: "ada", password: secrets.password }))
    )
  return ChallengeResolver.layer({
    Basic: ChallengeResolver.anyOrigin(answer),
    Digest: ChallengeResolver.anyOrigin(answer),
    ServerTrust: ServerTrust.evaluator({ _tag: "Additional", pem: [root] }, (trust) =>
      Effect.sync(() => {
        judged.push(`${trust.trusted} ${trust.chain.map(({ spkiSha256 }) => spkiSha256).join()}`)
        return ServerTrust.verify
      }))
  })
}

/** Runs the program over a transport, and gives all that it saw. */
const run = <E, R>(
  origins: Origins,
  transport: Layer.Layer<Transport | ServerTrustControl | ContentCodings | Digests, E, R>
) =>
  Effect.gen(function*() {
    const root = yield* authority
    const judged: Array<string> = []
    const { events, layer } = observing()
    const result = yield* Effect.flatMap(UrlSession.UrlSession, (session) => program(session, origins)).pipe(
      Effect.provide(UrlSession.layer(undefined, Layer.merge(delegate(root.cert, judged), layer))),
      Effect.provide(transport)
    )
    return { ...result, events, judged }
  })

const platformFree = Layer.merge(NodeContentCodings.layer, NodeDigests.layer)

/** What was redacted is another in a replay; everything else is the same. */
const comparable = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(/code=[^&"]*/g, "code=*")
      .replaceAll(secrets.csrf, Recorder.redacted)
      .replaceAll(secrets.cookie, Recorder.redacted)
  )

describe("a round trip", () => {
  it.scopedLive("over redirects, challenges, codings, chunks, hints, losses, TLS and uploads sees the same", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const path = join(directory, "fixtures", "all.har")
      const { live, origins } = yield* Effect.scoped(Effect.gen(function*() {
        const server = yield* rawServer(behaviour)
        const guarded = yield* digestServer({
          user: "ada",
          password: secrets.password,
          algorithm: "SHA-256",
          qop: "auth",
          nextnonce: true
        })
        const secured = yield* rawServer({ ...behaviour, tls: presenting(yield* leaf) })
        const gone = yield* Effect.scoped(Effect.map(rawServer(behaviour), ({ origin }) => origin))
        const origins = { plain: server.origin, digest: guarded.origin, secure: secured.origin, refused: `${gone}/` }
        const live = yield* run(origins, Layer.provideMerge(Recorder.layerRecord(path), NodeTransport.layer))
        return { live, origins }
      }))
      // every server is gone, and there is no transport that could reach one
      const replayed = yield* run(origins, Layer.merge(Recorder.layerReplay(path), platformFree))
      assert.deepStrictEqual(comparable(replayed), comparable(live))

      const [first] = live.answers
      assert.deepInclude(first, { status: 200, body: "there", end: "whole" })
      const statuses = live.answers.map((answer) => "status" in answer ? answer.status : answer.tag)
      assert.deepStrictEqual(statuses, [
        ...Array.from({ length: 13 }, () => 200),
        200,
        "InvalidResponse",
        200,
        200,
        "ConnectionError"
      ])
      assert.deepInclude(live.answers[15], { body: digestOf(large) })
      assert.deepStrictEqual(live.upload, [201, "stored"])
      assert.match(live.judged.join(), /^true /)
      assert.deepInclude(live.events, [103, [["link", "</style.css>; rel=preload"]]])
      const challenged = live.events.flatMap((event) =>
        Array.isArray(event) ? String(event[1]).match(/UseCredential/g) ?? [] : []
      )
      assert.isAtLeast(challenged.length, 2)

      const text = readFileSync(path, "utf8")
      for (const secret of Object.values(secrets)) {
        for (const form of [secret, base64(secret), base64(`ada:${secret}`), encodeURIComponent(secret)]) {
          assert.notInclude(text, form)
        }
      }
      // neither a nonce, nor what was computed with one
      assert.match(text, /nonce=\\"<redacted>/)
      assert.notMatch(text, /nonce=\\"[^<]/)
      assert.notInclude(text, "response=")
      assert.deepStrictEqual(readdirSync(join(directory, "fixtures")), ["all.har"])
      const recording = yield* Recorder.decode(text)
      assert.strictEqual(yield* Recorder.encode(recording), text.trimEnd())
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
