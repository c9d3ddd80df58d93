import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import { recording } from "./arbitrary.ts"

const empty: Recorder.Recording = {
  platform: "node",
  capabilities: [],
  schemes: ["https"],
  connections: [],
  entries: [],
  omitted: 0
}

const entry = (bytes: Uint8Array): Recorder.Entry => ({
  startedAt: Date.UTC(2026, 10, 24),
  duration: 9,
  request: {
    method: "POST",
    url: "https://api.test/a?x=1&y",
    fields: [["content-type", "text/plain"]],
    body: { _tag: "Kept", bytes: new TextEncoder().encode("grüße") },
    sent: true,
    headerBytes: 100
  },
  informational: [],
  response: {
    status: 200,
    reason: "OK",
    fields: [["content-type", "image/png"]],
    length: 2,
    delimited: true,
    body: { _tag: "Kept", bytes },
    trailers: [],
    headerBytes: 50
  },
  ending: { _tag: "Complete" },
  times: {
    domainLookupStart: undefined,
    domainLookupEnd: undefined,
    connectStart: 1,
    secureConnectionStart: 2,
    secureConnectionEnd: 3,
    connectEnd: 3,
    requestStart: 4,
    requestEnd: 5,
    responseStart: 7,
    responseEnd: 9
  },
  connection: undefined,
  reused: false
})

const one: Recorder.Recording = { ...empty, entries: [entry(Uint8Array.of(0xff, 0))] }

/** The document of a recording with one exchange, changed as text. */
const changed = (from: string, to: string) =>
  Effect.map(Recorder.encode(one), (document) => {
    assert.include(document, from)
    return document.replace(from, to)
  })

describe("the document of a recording", () => {
  it("is read back as what was written, whatever that is", () => {
    fc.assert(fc.property(recording, (one) => {
      const back = Effect.runSync(Effect.flatMap(Recorder.encode(one), Recorder.decode))
      assert.deepStrictEqual(back, one)
    }))
  })

  it.effect("is a HAR 1.2 document, with text as text and bytes as base64", () =>
    Effect.gen(function*() {
      const document: unknown = JSON.parse(
        yield* Recorder.encode({ ...empty, entries: [entry(Uint8Array.of(0xff, 0)), entry(Uint8Array.of(65, 10))] })
      )
      assert.deepNestedInclude(document, {
        "log.version": "1.2",
        "log.entries[0].startedDateTime": "2026-11-24T00:00:00.000Z",
        "log.entries[0].time": 9,
        "log.entries[0].request.queryString": [{ name: "x", value: "1" }, { name: "y", value: "" }],
        "log.entries[0].request.postData": { mimeType: "text/plain", text: "grüße" },
        "log.entries[0].response.content": { size: 2, mimeType: "image/png", text: "/wA=", encoding: "base64" },
        "log.entries[1].response.content": { size: 2, mimeType: "image/png", text: "A\n" },
        "log.entries[0].timings": { blocked: 2, dns: -1, connect: 2, send: 1, wait: 2, receive: 2, ssl: 1 }
      })
    }))

  it.effect("that is broken is refused with the place of the fault, and nothing of its text", () =>
    Effect.gen(function*() {
      const faults = [
        ["{", "hunter2", "it is not JSON, or no object"],
        ["\"POST\"", "[\"hunter2\"]", "log.entries.0.request.method is missing, or not what it should be"],
        ["\"method\"", "\"hunter2\"", "log.entries.0.request has a field that does not belong there"],
        ["\"status\": ", "\"status\": -", "log.entries.0.response.status is missing, or not what it should be"],
        ["\"1.2\"", "\"hunter2\"", "log.version is missing, or not what it should be"],
        ["\"_recorded\"", "\"_hunter2\"", "log has a field that does not belong there"],
        ["\"/wA=\"", "\"hunter2\"", "log.entries.0: a body is not the base64 that it says to be"],
        ["\"_ending\"", "\"connection\": \"7\", \"_ending\"", "log.entries.0: there is no such connection in _recorded"]
      ] as const
      for (const [from, to, detail] of faults) {
        const error = yield* Effect.flip(Recorder.decode(yield* changed(from, to)))
        assert.deepStrictEqual(error.reason, { _tag: "NotARecording", path: undefined, detail })
        assert.notInclude(error.message, "hunter2")
      }
    }))
})
