// What is told of a failure, from what is around it: pure, so for every runtime there is.
import { assert, describe, it } from "@effect/vitest"
import { type ExchangeError } from "@urlsession/core/SessionError"
import { parseUrl } from "@urlsession/core/SessionRequest"
import * as Either from "effect/Either"
import { bodyFailure, requestFailure, type Surroundings, surroundings } from "../src/internal/failure.ts"

const urlOf = (href: string) => Either.getOrThrow(parseUrl(href)).url
const url = urlOf("https://api.test/path?token=secret")
const silent: Surroundings = { onLine: undefined, pageProtocol: undefined }
const opaque = new TypeError("Failed to fetch")

const named = (error: ExchangeError) => `${error._tag}/${error.reason._tag}`

/** As Node's fetch fails: the code is in the cause, or in the cause of that. */
const coded = (code: string, depth = 1): Error =>
  depth === 0
    ? Object.assign(new Error("inner"), { code })
    : new TypeError("fetch failed", { cause: coded(code, depth - 1) })

describe("a request without a response", () => {
  const codes = {
    ECONNREFUSED: "ConnectionError/CannotConnectToHost",
    ConnectionRefused: "ConnectionError/CannotConnectToHost",
    UND_ERR_CONNECT_TIMEOUT: "ConnectionError/CannotConnectToHost",
    ENOTFOUND: "ConnectionError/CannotFindHost",
    EAI_AGAIN: "ConnectionError/CannotFindHost",
    ECONNRESET: "ConnectionError/NetworkConnectionLost",
    UND_ERR_SOCKET: "ConnectionError/NetworkConnectionLost",
    DEPTH_ZERO_SELF_SIGNED_CERT: "TlsError/SecureConnectionFailed",
    CERT_HAS_EXPIRED: "TlsError/SecureConnectionFailed",
    ERR_TLS_CERT_ALTNAME_INVALID: "TlsError/SecureConnectionFailed",
    ERR_SOMETHING_ELSE: "ConnectionError/Unknown"
  }
  for (const [code, name] of Object.entries(codes)) {
    it(`whose cause has the code ${code} is ${name}`, () => {
      for (const depth of [0, 1, 2]) {
        assert.strictEqual(named(requestFailure(url, coded(code, depth), false, silent)), name)
      }
    })
  }

  it("of a temporary failure of the name server may be tried again", () => {
    assert.isTrue(requestFailure(url, coded("EAI_AGAIN"), false, silent).isTransient)
    assert.isFalse(requestFailure(url, coded("ENOTFOUND"), false, silent).isTransient)
  })

  it("from an offline browser is NotConnectedToInternet; where nobody says, it is not", () => {
    assert.strictEqual(
      named(requestFailure(url, opaque, false, { ...silent, onLine: false })),
      "ConnectionError/NotConnectedToInternet"
    )
    assert.strictEqual(
      named(requestFailure(url, opaque, false, { ...silent, onLine: true })),
      "ConnectionError/Unknown"
    )
  })

  it("over http from an https page is mixed content, and not to the own machine (Mixed Content 4.4)", () => {
    const page = { ...silent, pageProtocol: "https:" }
    for (const href of ["http://api.test/", "http://10.0.0.1/", "http://localhost.test/"]) {
      const error = requestFailure(urlOf(href), opaque, false, page)
      assert.strictEqual(named(error), "InvalidRequest/SecurityPolicyViolation")
      assert.include(error.message, "mixed content")
    }
    for (
      const href of [
        "http://localhost/",
        "http://a.localhost:81/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "https://api.test/"
      ]
    ) {
      assert.strictEqual(named(requestFailure(urlOf(href), opaque, false, page)), "ConnectionError/Unknown", href)
    }
    assert.strictEqual(
      named(requestFailure(urlOf("http://api.test/"), opaque, false, { ...silent, pageProtocol: "http:" })),
      "ConnectionError/Unknown"
    )
  })

  it("with a streamed body says what streams need", () => {
    assert.include(requestFailure(url, opaque, true, silent).message, "HTTP/2")
    assert.notInclude(requestFailure(url, opaque, false, silent).message, "HTTP/2")
  })

  it("shows no query in its message", () => {
    for (const cause of [opaque, coded("ECONNREFUSED")]) {
      assert.notInclude(requestFailure(url, cause, true, silent).message, "secret")
    }
  })

  it("is no puzzle where a cause is its own cause", () => {
    const circle: Error & { cause?: unknown } = new Error("circle")
    circle.cause = circle
    assert.strictEqual(named(requestFailure(url, circle, false, silent)), "ConnectionError/Unknown")
    assert.strictEqual(named(requestFailure(url, "a string", false, silent)), "ConnectionError/Unknown")
  })
})

describe("a response that breaks off", () => {
  const received = { bytesReceived: 5, bytesExpected: 10 }

  it("is NetworkConnectionLost with what had come (NET-07)", () => {
    const error = bodyFailure(url, opaque, received, undefined)
    assert.strictEqual(named(error), "ConnectionError/NetworkConnectionLost")
    assert.deepInclude(error.reason, { ...received, why: "Closed" })
    assert.deepInclude(bodyFailure(url, coded("ECONNRESET"), received, undefined).reason, { why: "Reset" })
  })

  it("because its coding is broken is BodyError, where the runtime says so (NET-01)", () => {
    const error = bodyFailure(url, coded("Z_DATA_ERROR"), received, "gzip")
    assert.deepEqual(error.reason, { _tag: "CannotDecodeRawData", coding: "gzip", truncated: false })
    assert.deepInclude(bodyFailure(url, coded("Z_BUF_ERROR"), received, "br").reason, { truncated: true })
  })
})

describe("the surroundings", () => {
  it("are read where there are any", () => {
    assert.deepStrictEqual(surroundings({}), { onLine: undefined, pageProtocol: undefined })
    assert.deepStrictEqual(surroundings({ navigator: {}, location: { protocol: "https:" } }), {
      onLine: undefined,
      pageProtocol: "https:"
    })
    assert.deepStrictEqual(surroundings(), { onLine: true, pageProtocol: "http:" })
  })
})
