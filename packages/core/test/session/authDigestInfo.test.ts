// Which responses are watched for what comes behind them, and which are handed on as they are.
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import { AuthenticationError } from "@urlsession/core/SessionError"
import type { BodySink, WireBody, WireResponse } from "@urlsession/core/Transport"
import { createHash } from "node:crypto"
import { checkServer } from "../../src/internal/pipeline/authenticationInfo.ts"
import { authorizedAgain, DigestProof } from "../../src/internal/pipeline/authorization.ts"
import { DigestSession } from "../../src/internal/protocol/digestSession.ts"
import { hash, must, userFor } from "../protocol/digestSupport.ts"
import { encode } from "./support.ts"

const digests = {
  ...hash,
  hasher: (name: string) => {
    const made = createHash(name)
    return { update: (data: Uint8Array) => void made.update(data), digest: () => made.digest("hex") }
  },
  randomHex: (bytes: number) => "0".repeat(bytes * 2)
}

const url = {
  href: "https://api.test/",
  scheme: "https",
  host: "api.test",
  port: 443,
  authority: "api.test",
  target: "/",
  origin: "https://api.test"
}

/** A body that is here, and is given out in one piece or taken. */
class Body implements WireBody {
  readonly length: number | undefined
  readonly delimited: boolean
  readonly trailers: HeaderFields
  cancelled = 0

  constructor(length: number | undefined, delimited: boolean, trailers: Readonly<Record<string, string>>) {
    this.length = length
    this.delimited = delimited
    this.trailers = HeaderFields.fromEntries(Object.entries(trailers))
  }
  take(): Uint8Array | undefined {
    return undefined
  }
  start(sink: BodySink): void {
    sink.onBytes(encode("in"), false)
    sink.onEnd(this.trailers)
  }
  pause(): void {}
  resume(): void {}
  cancel(): void {
    this.cancelled++
  }
}

/** What reaches the reader. */
class Reader implements BodySink {
  readonly keeps = true
  readonly heard: Array<string> = []
  onBytes(borrowed: Uint8Array): void {
    this.heard.push(new TextDecoder().decode(borrowed))
  }
  onEnd(): void {
    this.heard.push("end")
  }
  onError(error: { readonly reason: { readonly _tag: string } }): void {
    this.heard.push(error.reason._tag)
  }
}

const mismatch = () =>
  new AuthenticationError({ url: url.href, reason: { _tag: "ServerNotAuthenticated", space: "x" } })

const nextnonce = { "authentication-info": "nextnonce=m" }

const checked = (
  body: Body,
  more: {
    readonly qop?: string
    readonly fields?: Readonly<Record<string, string>>
    readonly protocol?: string
    readonly method?: string
  }
) => {
  const challenge = must(`Digest realm=r, nonce=n, algorithm=SHA-256, qop="${more.qop ?? "auth"}"`)
  const session = new DigestSession(challenge)
  const proof = new DigestProof(session, userFor(challenge), digests, undefined)
  const method = more.method ?? "GET"
  authorizedAgain({ method, url, fields: [], body: undefined }, proof)
  const response: WireResponse = {
    status: 200,
    reason: "",
    fields: HeaderFields.fromEntries(Object.entries(more.fields ?? {})),
    body,
    url,
    connection: more.protocol === undefined ? undefined : {
      id: 1,
      protocol: more.protocol,
      remoteAddress: undefined,
      remotePort: undefined,
      localAddress: undefined,
      localPort: undefined,
      trust: undefined,
      overridden: false
    }
  }
  return { session, outcome: checkServer(response, method, proof, digests, mismatch) }
}

const read = (outcome: WireResponse | AuthenticationError): ReadonlyArray<string> => {
  if (outcome instanceof AuthenticationError) return [outcome.reason._tag]
  const reader = new Reader()
  outcome.body.start(reader)
  return reader.heard
}

describe("a response to Digest", () => {
  for (
    const [what, length, delimited, more] of [
      ["in chunks", undefined, true, {}],
      ["of announced length over HTTP/2", 2, true, { protocol: "h2" }],
      ["of announced length that announces the trailer", 2, true, { fields: { trailer: "x, AUTHENTICATION-INFO" } }]
    ] as const
  ) {
    it(`${what} may name the next nonce in its trailers`, () => {
      const { outcome, session } = checked(new Body(length, delimited, nextnonce), more)
      assert.strictEqual(session.challenge.nonce, "n")
      assert.deepStrictEqual(read(outcome), ["in", "end"])
      assert.strictEqual(session.challenge.nonce, "m")
    })
  }

  for (
    const [what, length, delimited, more] of [
      ["of announced length", 2, true, { protocol: "http/1.1" }],
      ["that the end of the connection delimits", undefined, false, {}],
      ["to HEAD", undefined, true, { method: "HEAD" }],
      ["that announces other trailers", 2, true, { fields: { trailer: "expires" } }]
    ] as const
  ) {
    it(`${what} is handed on with its own body`, () => {
      const body = new Body(length, delimited, nextnonce)
      const { outcome } = checked(body, more)
      assert.isTrue(!(outcome instanceof AuthenticationError) && outcome.body === body)
    })
  }

  it("with a wrong proof in the head has its body cancelled", () => {
    const body = new Body(2, true, {})
    assert.deepStrictEqual(read(checked(body, { fields: { "authentication-info": "rspauth=wrong" } }).outcome), [
      "ServerNotAuthenticated"
    ])
    assert.strictEqual(body.cancelled, 1)
  })

  it("over an auth-int request has the proof of its trailers checked over the body", () => {
    const wrong = { "authentication-info": "rspauth=wrong, qop=auth-int" }
    assert.deepStrictEqual(read(checked(new Body(undefined, true, wrong), { qop: "auth-int" }).outcome), [
      "in",
      "ServerNotAuthenticated"
    ])
  })
})
