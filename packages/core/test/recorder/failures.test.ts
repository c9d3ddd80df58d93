import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import { api, recording, replaying } from "./support.ts"

const trust = TestTransport.presented("other.test", 443, ["Expired", "WrongName"])
const date = new Date(86_400_000)
const also = ["WrongName"] as const

const errors: ReadonlyArray<SessionError.ExchangeError> = [
  ...([
    { _tag: "BadURL", input: "x" },
    { _tag: "UnsupportedURL", scheme: "x" },
    { _tag: "GetWithBody", method: "GET" },
    { _tag: "InvalidHeader", name: "x", detail: "y" },
    { _tag: "InvalidMethod", method: "x" },
    { _tag: "UnsupportedBody", kind: "x" },
    { _tag: "SecurityPolicyViolation", rule: "x" },
    { _tag: "BodyStreamExhausted" },
    { _tag: "BodyStreamFailed" },
    { _tag: "BodyLengthMismatch", announced: 1, given: 2 }
  ] as const).map((reason) => new SessionError.InvalidRequest({ reason })),
  ...([
    { _tag: "CannotFindHost", host: "x", temporary: true },
    { _tag: "CannotConnectToHost", host: "x", port: 1, detail: "y" },
    { _tag: "NotConnectedToInternet", why: "x" },
    {
      _tag: "NetworkConnectionLost",
      bytesReceived: 0,
      bytesExpected: undefined,
      why: "Closed",
      requestSent: false,
      reused: false
    },
    {
      _tag: "NetworkConnectionLost",
      bytesReceived: 0,
      bytesExpected: 1,
      why: "Unresponsive",
      requestSent: true,
      reused: false,
      unprocessed: true
    },
    { _tag: "AddressRefused", host: "x", address: "192.0.2.1", rule: "y" },
    { _tag: "ProxyFailed", proxy: "x", status: undefined },
    { _tag: "Unknown" },
    { _tag: "Unknown", detail: "x" }
  ] as const).map((reason) => new SessionError.ConnectionError({ reason })),
  new SessionError.TimeoutError({ reason: { _tag: "TimedOut", timer: "connect", after: 60_000 } }),
  ...([
    { _tag: "SecureConnectionFailed", detail: "x" },
    { _tag: "ServerCertificateHasBadDate", trust, notAfter: date, also },
    { _tag: "ServerCertificateUntrusted", trust, why: "PinMismatch", detail: "x", also },
    { _tag: "ServerCertificateHasUnknownRoot", trust, also },
    { _tag: "ServerCertificateNotYetValid", trust, notBefore: date, also },
    { _tag: "ClientCertificateRejected" },
    { _tag: "ClientCertificateRequired" }
  ] as const).map((reason) => new SessionError.TlsError({ reason })),
  ...([
    { _tag: "Cancelled", space: "x" },
    { _tag: "ResolverFailed", space: "x" },
    { _tag: "CredentialUnusable", space: "x", detail: "y" }
  ] as const).map((reason) => new SessionError.AuthenticationError({ reason })),
  ...([
    { _tag: "BadServerResponse", detail: "x" },
    { _tag: "CannotParseResponse", detail: "x", bytesReceived: 1 },
    { _tag: "ZeroByteResource", bytesExpected: 1 },
    { _tag: "ResponseHeadTooLarge", limit: 1 },
    { _tag: "ResourceUnavailable", detail: "x" }
  ] as const).map((reason) => new SessionError.InvalidResponse({ reason })),
  new SessionError.DelegateFailed({ reason: { _tag: "HandlerFailed", slot: "AddressPolicy" } })
]

/** What is recorded of a failure, by way of its document, and fails again. */
const again = (error: SessionError.ExchangeError, url: string) =>
  Effect.gen(function*() {
    const one = yield* recording(() => TestTransport.fail(error), (session) => Effect.exit(session.data(url)))
    const read = yield* Effect.flatMap(Recorder.encode(one), Recorder.decode)
    return yield* replaying(read, (session) => Effect.flip(session.data(url)))
  })

describe("a failure of a transport", () => {
  for (const error of errors) {
    it.effect(`fails again as it did: ${error._tag} ${error.reason._tag}`, () =>
      Effect.gen(function*() {
        const replayed = yield* again(error, api)
        assert.strictEqual(replayed._tag, error._tag)
        assert.deepStrictEqual(replayed.reason, error.reason)
        assert.strictEqual(replayed.code, error.code)
        assert.strictEqual(replayed.isTransient, error.isTransient)
        assert.strictEqual(replayed.url, api)
      }))
  }

  it.effect("is kept without its cause, and without the URL", () =>
    Effect.gen(function*() {
      const error = new SessionError.ConnectionError({
        url: `${api}?token=hunter2`,
        cause: new Error("hunter2"),
        reason: { _tag: "Unknown" }
      })
      const one = yield* recording(() => TestTransport.fail(error), (session) => Effect.exit(session.data(api)))
      assert.notInclude(yield* Recorder.encode(one), "hunter2")
    }))

  it.effect("that only a session can make is one without a name", () =>
    Effect.gen(function*() {
      for (
        const error of [
          new SessionError.BodyError({ reason: { _tag: "InvalidJson" } }),
          new SessionError.AuthenticationError({ reason: { _tag: "TooManyRounds", limit: 1 } })
        ]
      ) assert.strictEqual((yield* again(error, api)).reason._tag, "Unknown")
    }))
})
