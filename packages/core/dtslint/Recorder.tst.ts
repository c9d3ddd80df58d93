// What recording and replaying ask of their surroundings: a transport and files to record, files at most to replay.
import type * as FileSystem from "@effect/platform/FileSystem"
import type {
  ClientIdentity,
  ConnectionBinding,
  CookieControl,
  RedirectControl,
  ServerTrustControl
} from "@urlsession/core/Capability"
import * as Recorder from "@urlsession/core/Recorder"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

declare const recording: Recorder.Recording

describe("Recorder", () => {
  it("records over a transport, into a file or into memory", () => {
    expect(Recorder.layerRecord("a.har")).type.toBe<
      Layer.Layer<Transport | Recorder.Recorder, Recorder.RecordingError, Transport | FileSystem.FileSystem>
    >()
    expect(Recorder.layerRecordMemory()).type.toBe<Layer.Layer<Transport | Recorder.Recorder, never, Transport>>()
  })

  it("replays without a transport", () => {
    expect(Recorder.layerReplay("a.har")).type.toBe<
      Layer.Layer<
        | Transport
        | Recorder.Replay
        | ServerTrustControl
        | ClientIdentity
        | ConnectionBinding
        | RedirectControl
        | CookieControl,
        Recorder.RecordingError,
        FileSystem.FileSystem
      >
    >()
    expect(UrlSession.layer().pipe(Layer.provide(Recorder.layerReplayMemory(recording)))).type.toBe<
      Layer.Layer<UrlSession.UrlSession>
    >()
  })

  it("asks for a mode where it does either", () => {
    expect(Recorder.layer("a.har", { mode: "once", repeat: true, maximumBodyBytes: 1 })).type.toBe<
      Layer.Layer<Transport, Recorder.RecordingError, Transport | FileSystem.FileSystem>
    >()
    expect(Recorder.layer).type.not.toBeCallableWith("a.har", {})
    expect(Recorder.layer).type.not.toBeCallableWith("a.har", { mode: "auto" })
  })
})
