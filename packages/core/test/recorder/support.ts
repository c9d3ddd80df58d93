/** What the tests of the recorder share: a program that is recorded over a scripted transport, and one that is replayed. */
import { assert } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import type * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const api = "https://api.test/"

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

type Answer = (request: TestTransport.ReceivedRequest) => TestTransport.Script
type Program<A, E, R> = (session: UrlSession.Service) => Effect.Effect<A, E, R>

/** Answers by path. */
export const routes = (scripts: Readonly<Record<string, TestTransport.Script>>): Answer => (request) =>
  scripts[new URL(request.url).pathname] ?? TestTransport.respond(404)

/** Runs a program with a session over a scripted transport, closes the session, and gives what was recorded. */
export const recording = <A, E, R>(
  answer: Answer,
  program: Program<A, E, R>,
  options: Recorder.RecordOptions = {}
) =>
  Effect.gen(function*() {
    const recorder = yield* Recorder.Recorder
    yield* Effect.scoped(Effect.flatMap(UrlSession.make(), program))
    return yield* recorder.recording
  }).pipe(
    Effect.provide(Recorder.layerRecordMemory(options).pipe(Layer.provideMerge(TestTransport.layer({ answer }))))
  )

/** Runs a program with a session over a recording. */
export const replaying = <A, E, R>(
  one: Recorder.Recording,
  program: Program<A, E, R>,
  options: Recorder.ReplayOptions & { readonly configuration?: SessionConfiguration.SessionConfiguration } = {}
) =>
  Effect.scoped(Effect.flatMap(UrlSession.make(options.configuration), program)).pipe(
    Effect.provide(Recorder.layerReplayMemory(one, options))
  )

export const nothing: Recorder.Recording = {
  platform: "node",
  capabilities: ["ServerTrustControl", "UploadProgress"],
  schemes: ["http", "https"],
  connections: [],
  entries: [],
  omitted: 0
}

/** How an entry differs from an ordinary one. */
export interface Changes extends Partial<Omit<Recorder.Entry, "request" | "response">> {
  readonly request?: Partial<Recorder.RecordedRequest>
  readonly response?: Partial<Recorder.RecordedResponse> | undefined
}

const times: Recorder.RecordedTimes = {
  domainLookupStart: undefined,
  domainLookupEnd: undefined,
  connectStart: undefined,
  secureConnectionStart: undefined,
  secureConnectionEnd: undefined,
  connectEnd: undefined,
  requestStart: 0,
  requestEnd: 0,
  responseStart: undefined,
  responseEnd: undefined
}

export const kept = (body: string | Uint8Array): Recorder.RecordedBody => ({
  _tag: "Kept",
  bytes: typeof body === "string" ? encode(body) : body
})

/** An exchange of `GET /`, answered with 200 and `hello`, but for the changes. */
export const entry = (changes: Changes = {}): Recorder.Entry => ({
  startedAt: 0,
  duration: 0,
  informational: [],
  ending: { _tag: "Complete" },
  times,
  connection: undefined,
  reused: false,
  ...changes,
  request: { method: "GET", url: api, fields: [], body: undefined, sent: true, headerBytes: 0, ...changes.request },
  response: "response" in changes && changes.response === undefined ? undefined : {
    status: 200,
    reason: "OK",
    fields: [],
    length: 5,
    delimited: true,
    body: kept("hello"),
    trailers: [],
    headerBytes: 0,
    ...changes.response
  }
})

/** A recording of these entries. */
export const of = (...entries: ReadonlyArray<Recorder.Entry>): Recorder.Recording => ({ ...nothing, entries })

/** What a replay says that has no answer. */
export const unanswered = (error: SessionError.SessionError): string => {
  assert.strictEqual(`${error._tag}/${error.reason._tag}`, "InvalidResponse/ResourceUnavailable")
  assert.isFalse(error.isTransient)
  assert.instanceOf(error.cause, Recorder.RecordingError)
  return error.cause instanceof Recorder.RecordingError ? error.cause.message : ""
}
