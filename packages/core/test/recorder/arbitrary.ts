/** Recordings of every kind, for properties. */
import type * as Recorder from "@urlsession/core/Recorder"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as fc from "effect/FastCheck"

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
  fc.constant(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))
)
const body: fc.Arbitrary<Recorder.RecordedBody> = fc.oneof(
  bytes.map((bytes) => ({ _tag: "Kept", bytes } as const)),
  fc.nat().map((size) => ({ _tag: "LeftOut", size } as const))
)
const text = fc.string({ unit: "binary", maxLength: 12 })
const fields = fc.array(fc.tuple(text, text), { maxLength: 4 })
const milliseconds = fc.nat({ max: 10_000_000 }).map((count) => count / 1000)
const perhaps = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const count = fc.nat()

const trust = fc.constantFrom(
  TestTransport.presented("api.test", 443),
  TestTransport.presented("api.test", 443, ["Expired", "WrongName"], [
    {
      der: Uint8Array.of(1, 2, 255),
      subject: "CN=x",
      issuer: "CN=y",
      serialNumber: "01",
      notBefore: new Date(0),
      notAfter: new Date(1_000_000_000_000),
      names: { dns: ["api.test"], ip: [] },
      spkiSha256: "abc="
    }
  ])
)

const failure: fc.Arbitrary<Recorder.Failure> = fc.oneof(
  fc.record({
    _tag: fc.constant("ConnectionError" as const),
    reason: fc.record({
      _tag: fc.constant("NetworkConnectionLost" as const),
      bytesReceived: count,
      bytesExpected: perhaps(count),
      why: fc.constantFrom("Reset" as const, "Closed" as const, "Abandoned" as const),
      requestSent: fc.boolean(),
      reused: fc.boolean()
    })
  }),
  fc.record({
    _tag: fc.constant("TlsError" as const),
    reason: fc.record({
      _tag: fc.constant("ServerCertificateHasBadDate" as const),
      trust,
      notAfter: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") }),
      also: fc.constant(["WrongName" as const])
    })
  }),
  fc.constant({ _tag: "InvalidResponse", reason: { _tag: "BadServerResponse", detail: "x" } } as const)
)

const ending: fc.Arbitrary<Recorder.Ending> = fc.oneof(
  fc.constantFrom({ _tag: "Complete" } as const, { _tag: "Cancelled" } as const, { _tag: "Interrupted" } as const),
  failure.map((error) => ({ _tag: "Failed", error } as const))
)

const times: fc.Arbitrary<Recorder.RecordedTimes> = fc.record({
  domainLookupStart: perhaps(milliseconds),
  domainLookupEnd: perhaps(milliseconds),
  connectStart: perhaps(milliseconds),
  secureConnectionStart: perhaps(milliseconds),
  secureConnectionEnd: perhaps(milliseconds),
  connectEnd: perhaps(milliseconds),
  requestStart: perhaps(milliseconds),
  requestEnd: perhaps(milliseconds),
  responseStart: perhaps(milliseconds),
  responseEnd: perhaps(milliseconds)
})

const request: fc.Arbitrary<Recorder.RecordedRequest> = fc.record({
  method: text,
  url: fc.oneof(fc.webUrl({ withQueryParameters: true }), text),
  fields,
  body: perhaps(body),
  sent: fc.boolean(),
  headerBytes: count
}).map((one) => one.body === undefined ? { ...one, sent: true } : one)

const response: fc.Arbitrary<Recorder.RecordedResponse> = fc.record({
  status: fc.integer({ min: 100, max: 999 }),
  reason: text,
  fields,
  length: perhaps(count),
  delimited: fc.boolean(),
  body,
  trailers: fields,
  headerBytes: count
})

const entry: fc.Arbitrary<Recorder.Entry> = fc.record({
  startedAt: fc.nat({ max: 4_000_000_000_000 }),
  duration: milliseconds,
  request,
  informational: fc.array(fc.record({ status: fc.integer({ min: 100, max: 199 }), fields, after: milliseconds }), {
    maxLength: 2
  }),
  response: perhaps(response),
  ending,
  times,
  connection: fc.constantFrom(undefined, 1, 2),
  reused: fc.boolean()
})

const connection = (id: number): fc.Arbitrary<Recorder.RecordedConnection> =>
  fc.record({
    id: fc.constant(id),
    protocol: fc.constantFrom("http/1.1", "h2"),
    remoteAddress: perhaps(text),
    remotePort: perhaps(count),
    trust: perhaps(trust),
    overridden: fc.boolean()
  })

/** Any recording. */
export const recording: fc.Arbitrary<Recorder.Recording> = fc.record({
  platform: text,
  capabilities: fc.subarray(["ServerTrustControl" as const, "CookieControl" as const]),
  schemes: fc.subarray(["http", "https"]),
  connections: fc.tuple(connection(1), connection(2)),
  entries: fc.array(entry, { maxLength: 3 }),
  omitted: count
})
