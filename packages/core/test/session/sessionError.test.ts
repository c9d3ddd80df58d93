import { assert, describe, it } from "@effect/vitest"
import * as HeaderFields from "@urlsession/core/HeaderFields"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as util from "node:util"

const url = "https://ada:pass-word@api.test/path?signature=hid-den#frag-ment"
const secrets = ["pass-word", "hid-den", "frag-ment"]
const trust = TestTransport.presented("api.test", 443)
const date = new Date(0)

/** One of every reason, with its code and whether it is worth another try. */
const all: ReadonlyArray<readonly [SessionError.SessionError, code: number | undefined, transient: boolean]> = [
  [new SessionError.InvalidRequest({ url, reason: { _tag: "BadURL", input: "x" } }), -1000, false],
  [new SessionError.InvalidRequest({ url, reason: { _tag: "UnsupportedURL", scheme: "x" } }), -1002, false],
  [new SessionError.InvalidRequest({ url, reason: { _tag: "GetWithBody", method: "GET" } }), -1103, false],
  [
    new SessionError.InvalidRequest({ url, reason: { _tag: "InvalidHeader", name: "x", detail: "y" } }),
    undefined,
    false
  ],
  [new SessionError.InvalidRequest({ url, reason: { _tag: "SecurityPolicyViolation", rule: "x" } }), -1022, false],
  [new SessionError.InvalidRequest({ url, reason: { _tag: "BodyTooLarge", limit: 1 } }), undefined, false],
  [new SessionError.InvalidRequest({ url, reason: { _tag: "BodyStreamExhausted" } }), -1021, false],
  [
    new SessionError.ConnectionError({ url, reason: { _tag: "CannotFindHost", host: "x", temporary: false } }),
    -1003,
    false
  ],
  [
    new SessionError.ConnectionError({ url, reason: { _tag: "CannotFindHost", host: "x", temporary: true } }),
    -1003,
    true
  ],
  [
    new SessionError.ConnectionError({ url, reason: { _tag: "CannotConnectToHost", host: "x", port: 1, detail: "y" } }),
    -1004,
    true
  ],
  [new SessionError.ConnectionError({ url, reason: { _tag: "NotConnectedToInternet", why: "x" } }), -1009, true],
  [
    new SessionError.ConnectionError({
      url,
      reason: {
        _tag: "NetworkConnectionLost",
        bytesReceived: 1,
        bytesExpected: 2,
        why: "Reset",
        requestSent: true,
        reused: false
      }
    }),
    -1005,
    true
  ],
  [new SessionError.ConnectionError({ url, reason: { _tag: "ProxyFailed", proxy: "x", status: 502 } }), -1004, true],
  [new SessionError.ConnectionError({ url, reason: { _tag: "Unknown" }, cause: "x" }), -1, false],
  [new SessionError.TimeoutError({ url, reason: { _tag: "TimedOut", timer: "idle", after: 1 } }), -1001, true],
  [new SessionError.TlsError({ url, reason: { _tag: "SecureConnectionFailed", detail: "x" } }), -1200, false],
  [
    new SessionError.TlsError({
      url,
      reason: { _tag: "ServerCertificateHasBadDate", trust, notAfter: date, also: [] }
    }),
    -1201,
    false
  ],
  [
    new SessionError.TlsError({
      url,
      reason: { _tag: "ServerCertificateUntrusted", trust, why: "SelfSigned", detail: "x", also: [] }
    }),
    -1202,
    false
  ],
  [
    new SessionError.TlsError({ url, reason: { _tag: "ServerCertificateHasUnknownRoot", trust, also: [] } }),
    -1203,
    false
  ],
  [
    new SessionError.TlsError({
      url,
      reason: { _tag: "ServerCertificateNotYetValid", trust, notBefore: date, also: [] }
    }),
    -1204,
    false
  ],
  [new SessionError.TlsError({ url, reason: { _tag: "ClientCertificateRejected" } }), -1205, false],
  [new SessionError.TlsError({ url, reason: { _tag: "ClientCertificateRequired" } }), -1206, false],
  [new SessionError.AuthenticationError({ url, reason: { _tag: "Cancelled", space: "x" } }), -999, false],
  [new SessionError.AuthenticationError({ url, reason: { _tag: "Required", space: "x" } }), -1013, false],
  [new SessionError.AuthenticationError({ url, reason: { _tag: "TooManyRounds", limit: 20 } }), undefined, false],
  [new SessionError.AuthenticationError({ url, reason: { _tag: "ResolverFailed", space: "x" } }), undefined, false],
  [
    new SessionError.AuthenticationError({ url, reason: { _tag: "ServerNotAuthenticated", space: "x" } }),
    -1011,
    false
  ],
  [
    new SessionError.RedirectError({ url, reason: { _tag: "TooManyRedirects", limit: 20, location: "x" } }),
    -1007,
    false
  ],
  [
    new SessionError.RedirectError({ url, reason: { _tag: "RedirectToNonExistentLocation", location: "x" } }),
    -1010,
    false
  ],
  [new SessionError.InvalidResponse({ url, reason: { _tag: "BadServerResponse", detail: "x" } }), -1011, false],
  [
    new SessionError.InvalidResponse({ url, reason: { _tag: "CannotParseResponse", detail: "x", bytesReceived: 1 } }),
    -1017,
    false
  ],
  [new SessionError.InvalidResponse({ url, reason: { _tag: "ZeroByteResource", bytesExpected: 1 } }), -1014, true],
  [new SessionError.InvalidResponse({ url, reason: { _tag: "ResourceUnavailable", detail: "x" } }), -1008, false],
  [
    new SessionError.BodyError({ url, reason: { _tag: "CannotDecodeRawData", coding: "gzip", truncated: false } }),
    -1015,
    false
  ],
  [new SessionError.BodyError({ url, reason: { _tag: "CannotDecodeContentData", coding: "x" } }), -1016, false],
  [new SessionError.BodyError({ url, reason: { _tag: "DataLengthExceedsMaximum", limit: 1 } }), -1103, false],
  [new SessionError.BodyError({ url, reason: { _tag: "DownloadDecodingFailedMidStream", coding: "x" } }), -3006, false],
  [
    new SessionError.BodyError({ url, reason: { _tag: "DownloadDecodingFailedToComplete", coding: "x" } }),
    -3007,
    false
  ],
  [new SessionError.FileError({ url, reason: { _tag: "FileIsDirectory", path: "x" } }), -1101, false],
  [new SessionError.FileError({ url, reason: { _tag: "CannotCreateFile", path: "x", detail: "y" } }), -3000, false],
  [new SessionError.FileError({ url, reason: { _tag: "CannotOpenFile", path: "x", detail: "y" } }), -3001, false],
  [new SessionError.FileError({ url, reason: { _tag: "CannotCloseFile", path: "x", detail: "y" } }), -3002, false],
  [new SessionError.FileError({ url, reason: { _tag: "CannotWriteToFile", path: "x", detail: "y" } }), -3003, false],
  [
    new SessionError.FileError({ url, reason: { _tag: "CannotMoveFile", path: "x", to: "z", detail: "y" } }),
    -3005,
    false
  ],
  [new SessionError.SessionInvalidated({ url, reason: { _tag: "Invalidated", description: "x" } }), undefined, false],
  [new SessionError.Cancelled({ url, reason: { _tag: "Cancelled", by: "task" } }), -999, false],
  [new SessionError.DelegateFailed({ url, reason: { _tag: "HandlerFailed", slot: "x" } }), undefined, false]
]

describe("every error", () => {
  for (const [error, code, transient] of all) {
    const name = `${error._tag} ${error.reason._tag}`
    it(`${name}: code, transience, a message, and no secret anywhere`, () => {
      assert.strictEqual(error.code, code)
      assert.strictEqual(error.isTransient, transient)
      assert.isAbove(error.message.length, 15)
      assert.include(error.message, "https://api.test/path")
      assert.strictEqual(error.url, url)
      assert.notInclude(Object.keys(error), "url")
      const shown = [
        error.message,
        String(error),
        error.stack ?? "",
        util.inspect(error, { depth: 10 }),
        JSON.stringify(error),
        JSON.stringify({ ...error }),
        Cause.pretty(Cause.fail(error))
      ]
      for (const secret of secrets) for (const one of shown) assert.notInclude(one, secret)
      // the query's name alone tells that there was one; user info leaves no trace
      assert.notInclude(shown.join(), "ada")
    })
  }
})

describe("catchReason", () => {
  const expired = new SessionError.TlsError({
    reason: { _tag: "ServerCertificateHasBadDate", trust, notAfter: date, also: [] }
  })
  const failing = (error: SessionError.ExchangeError): Effect.Effect<string, SessionError.ExchangeError> =>
    Effect.fail(error)

  it.effect("handles one reason of one family, with the reason's own fields", () =>
    Effect.gen(function*() {
      const caught = yield* failing(expired).pipe(
        SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", (reason) =>
          Effect.succeed(reason.notAfter.toISOString()))
      )
      assert.strictEqual(caught, date.toISOString())
    }))

  it.effect("lets every other error through, of the same family and of the same reason elsewhere", () =>
    Effect.gen(function*() {
      const others = [
        new SessionError.TlsError({ reason: { _tag: "ClientCertificateRequired" } }),
        new SessionError.Cancelled({ reason: { _tag: "Cancelled", by: "task" } })
      ]
      for (const other of others) {
        const error = yield* Effect.flip(
          failing(other).pipe(
            SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", () => Effect.succeed("caught")),
            SessionError.catchReason("AuthenticationError", "Cancelled", () => Effect.succeed("caught"))
          )
        )
        assert.strictEqual(error, other)
      }
    }))

  it.effect("may fail with another error, and families are caught by their tag", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        failing(expired).pipe(
          SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", () => Effect.fail("mine" as const)),
          Effect.catchTag("ConnectionError", () => Effect.succeed("connection"))
        )
      )
      assert.strictEqual(error, "mine")
    }))
})

describe("HeaderFields", () => {
  it("keeps order and repetition", () => {
    const fields = HeaderFields.HeaderFields.fromEntries([["B", "1"], ["a", "2"], ["b", "3"]])
    assert.deepStrictEqual([...fields], [["b", "1"], ["a", "2"], ["b", "3"]])
    assert.strictEqual(fields.get("b"), "1, 3")
    assert.deepStrictEqual(fields.getAll("b"), ["1", "3"])
    assert.isTrue(fields.has("a"))
    assert.isFalse(fields.has("c"))
  })
})
