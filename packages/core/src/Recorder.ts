/**
 * Records the exchanges of a real transport, and replays them as a transport that needs no network. A recording is a HAR 1.2
 * document without secrets, made to be kept beside the tests that use it.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { ClientIdentity, ConnectionBinding, CookieControl, RedirectControl, ServerTrustControl } from "./Capability.ts"
import { Answers, type Asked } from "./internal/recorder/answers.ts"
import * as codec from "./internal/recorder/codec.ts"
import type { RecordingError } from "./internal/recorder/error.ts"
import * as file from "./internal/recorder/file.ts"
import type { Entry, Recording } from "./internal/recorder/model.ts"
import { recordingTransport } from "./internal/recorder/recordingTransport.ts"
import { makeRedaction } from "./internal/recorder/redaction.ts"
import { replayTransport } from "./internal/recorder/replayTransport.ts"
import { Tape } from "./internal/recorder/tape.ts"
import { Transport } from "./Transport.ts"

export { type Asked, matchesRequest } from "./internal/recorder/answers.ts"
export { RecordingError, type RecordingReason } from "./internal/recorder/error.ts"
export type { Failure } from "./internal/recorder/failure.ts"
export { redacted } from "./internal/recorder/marker.ts"
export type {
  Ending,
  Entry,
  RecordedBody,
  RecordedConnection,
  RecordedFields,
  RecordedInformational,
  RecordedRequest,
  RecordedResponse,
  RecordedTimes,
  Recording
} from "./internal/recorder/model.ts"
export { defaultPublicFields, defaultSecretNames } from "./internal/recorder/redaction.ts"

/**
 * How exchanges are recorded. Secrets are taken out before anything is kept:
 *
 * - of `Authorization` and `Proxy-Authorization` the scheme stays, of `Cookie` and `Set-Cookie` all but the values, of challenges
 *   all but nonces, opaque values and tokens; what a server computed from a password is dropped;
 * - of the other fields of a request, those that are bound to its origin, which are the caller's own, unless
 *   `defaultPublicFields` or `publicFields` names them; of those of a response, those whose name says secret;
 * - user info and fragments of URLs; in queries, forms and JSON documents that are sent, the values of secret names;
 * - the bodies of responses stay as they came, since a program reads them: take out of them what is secret with `redact`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordOptions {
  /**
   * Names of secrets in queries, forms, JSON documents and fields, beside `defaultSecretNames`. Case and punctuation do not
   * count, and a name that has one of these words is meant as well: `token` stands for `X-Auth-Token` and `accessToken`.
   */
  readonly secretNames?: ReadonlyArray<string>
  /** Fields of requests whose values are no secret, beside `defaultPublicFields`. */
  readonly publicFields?: ReadonlyArray<string>
  /** Has the last word on every entry: `undefined` leaves it out. One for which it throws is left out, too, and counted. */
  readonly redact?: (entry: Entry) => Entry | undefined
  /** Longer bodies are left out, in bytes; 16 MiB. A replay answers up to the head and then fails. */
  readonly maximumBodyBytes?: number
  /** Of all of it together, in bytes; 64 MiB. What does not fit is left out and counted. */
  readonly maximumBytes?: number
}

/**
 * How a recording is replayed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplayOptions {
  /**
   * Answers come after as long as they did while they were recorded, on the clock of the session: with `TestClock` a test
   * moves it. `false` unless said: they come at once.
   */
  readonly realTime?: boolean
  /** The request's body has to be the recorded one as well, which is kept in memory to be compared. `false` unless said. */
  readonly matchBody?: boolean
  /** The last answer to a request is given again when it is asked for again. `false` unless said. */
  readonly repeat?: boolean
  /** Which entries may answer a request, in place of `matchesRequest`: method and URL. */
  readonly match?: (asked: Asked, entry: Entry) => boolean
}

/**
 * What a test sees of a recording that is being made.
 *
 * @since 0.1.0
 * @category services
 */
export class Recorder extends Context.Tag("@urlsession/core/Recorder")<Recorder, {
  /** Every exchange that has ended by now. */
  readonly recording: Effect.Effect<Recording>
}>() {}

/**
 * What a test sees of a replay.
 *
 * @since 0.1.0
 * @category services
 */
export class Replay extends Context.Tag("@urlsession/core/Replay")<Replay, {
  /** What was recorded and has not been asked for. */
  readonly left: Effect.Effect<ReadonlyArray<Entry>>
}>() {}

/**
 * What a replay gives: a transport, and tags for what any platform may have been able to do. A delegate that needs what the
 * recorded one could not do is a defect, as on that platform itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Replayed =
  | Transport
  | Replay
  | ServerTrustControl
  | ClientIdentity
  | ConnectionBinding
  | RedirectControl
  | CookieControl

const mebibyte = 1024 * 1024

const record = <E, R>(
  options: RecordOptions,
  begin: Effect.Effect<void, E, R>,
  end: (recording: Recording) => Effect.Effect<void, never, R>
): Effect.Effect<Context.Context<Transport | Recorder>, E, R | Transport | Scope.Scope> =>
  Effect.gen(function*() {
    const inner = yield* Transport
    yield* begin
    const tape = new Tape(inner, {
      redaction: makeRedaction(options.secretNames ?? [], options.publicFields ?? []),
      redact: options.redact,
      maximumBodyBytes: options.maximumBodyBytes ?? 16 * mebibyte,
      maximumBytes: options.maximumBytes ?? 64 * mebibyte
    })
    yield* Effect.addFinalizer(() => Effect.suspend(() => end(tape.close())))
    return Context.make(Transport, recordingTransport(inner, tape)).pipe(
      Context.add(Recorder, { recording: Effect.sync(() => tape.recording()) })
    )
  })

/**
 * Records into a file what goes over the transport that it is provided with. Bytes pass as they come; nothing of the exchange
 * is changed. The file is written when the layer's scope closes: beside its name first, then renamed, so there is the old
 * recording or the new one and never half of it. Its folder is made where it is missing. Fails with `CannotWrite`; dies with it
 * where the file cannot be written at the end.
 *
 * @example
 * ```ts
 * import { Recorder, UrlSession } from "@urlsession/core"
 * import { NodeSession } from "@urlsession/node"
 * import { Effect, Layer } from "effect"
 *
 * const Recording = Recorder.layerRecord("test/fixtures/api.har", { secretNames: ["memberNumber"] })
 *
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://example.com/"))
 *
 * const recorded = program.pipe(
 *   Effect.provide(UrlSession.layer()),
 *   Effect.provide(Recording.pipe(Layer.provideMerge(NodeSession.services)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRecord = (
  path: string,
  options: RecordOptions = {}
): Layer.Layer<Transport | Recorder, RecordingError, Transport | FileSystem.FileSystem> =>
  Layer.scopedContext(Effect.flatMap(FileSystem.FileSystem, (fs) =>
    record(
      options,
      file.makeFolder(fs, path),
      // a test that believes to have a recording must not go on without one
      (recording) => Effect.orDie(file.write(fs, path, recording))
    )))

/**
 * Records into memory what goes over the transport that it is provided with: the recording is a value of the `Recorder`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRecordMemory = (
  options: RecordOptions = {}
): Layer.Layer<Transport | Recorder, never, Transport> =>
  Layer.scopedContext(record(options, Effect.void, () => Effect.void))

const replay = (
  recording: Recording,
  options: ReplayOptions
): Context.Context<Replayed> => {
  const matchBody = options.matchBody ?? false
  const answers = new Answers(recording, { matchBody, repeat: options.repeat ?? false, match: options.match })
  const service = replayTransport(recording, answers, { realTime: options.realTime ?? false, matchBody })
  const { platform } = service
  return Context.make(Transport, service).pipe(
    Context.add(Replay, { left: Effect.sync(() => answers.left) }),
    Context.add(ServerTrustControl, { name: "ServerTrustControl", platform }),
    Context.add(ClientIdentity, { name: "ClientIdentity", platform }),
    Context.add(ConnectionBinding, { name: "ConnectionBinding", platform }),
    Context.add(RedirectControl, { name: "RedirectControl", platform }),
    Context.add(CookieControl, { name: "CookieControl", platform })
  )
}

/**
 * Answers out of a recording, without a network, each entry once and in the order in which they were recorded, to whichever
 * session asks. A request is answered by an entry of its method and URL; where something was redacted, any value will do, and
 * fields are not compared. Failures happen again, what a server presented is judged again, and what was waited for in vain is
 * waited for again. Its capabilities are those of the platform that was recorded.
 *
 * A request that the recording cannot answer fails with `InvalidResponse`, reason `ResourceUnavailable`, whose message says what
 * was asked and what is left, and whose cause is a `RecordingError`. The layer fails with `CannotRead` and `NotARecording`.
 *
 * @example
 * ```ts
 * import * as FileSystem from "@effect/platform/FileSystem"
 * import { Recorder, UrlSession } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   const [, response] = yield* session.data("https://example.com/")
 *   const replay = yield* Recorder.Replay
 *   return { status: response.status, left: (yield* replay.left).length }
 * })
 *
 * const replayed: Effect.Effect<unknown, unknown, FileSystem.FileSystem> = program.pipe(
 *   Effect.provide(UrlSession.layer().pipe(Layer.provideMerge(Recorder.layerReplay("test/fixtures/api.har"))))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerReplay = (
  path: string,
  options: ReplayOptions = {}
): Layer.Layer<Replayed, RecordingError, FileSystem.FileSystem> =>
  Layer.effectContext(
    Effect.flatMap(FileSystem.FileSystem, (fs) =>
      Effect.map(file.read(fs, path), (recording) => replay(recording, options)))
  )

/**
 * The same out of a recording in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerReplayMemory = (
  recording: Recording,
  options: ReplayOptions = {}
): Layer.Layer<Replayed> => Layer.effectContext(Effect.sync(() => replay(recording, options)))

/**
 * `replay`: the file answers. `record`: it is written anew. `once`: it is written where it is not there, and answers from then on.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "replay" | "record" | "once"

/**
 * `layerRecord` or `layerReplay`, as the mode says: for tests that do either. The transport that it is provided with is used to
 * record only.
 *
 * @example
 * ```ts
 * import { Recorder, UrlSession } from "@urlsession/core"
 * import { NodeSession } from "@urlsession/node"
 * import { Config, Effect, Layer } from "effect"
 *
 * const mode = Config.withDefault(Config.literal("replay", "record", "once")("RECORDER"), "replay")
 *
 * const SessionTest = UrlSession.layer().pipe(
 *   Layer.provide(Layer.unwrapEffect(Effect.map(mode, (mode) => Recorder.layer("test/fixtures/api.har", { mode })))),
 *   Layer.provideMerge(NodeSession.services)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  path: string,
  options: RecordOptions & ReplayOptions & { readonly mode: Mode }
): Layer.Layer<Transport, RecordingError, Transport | FileSystem.FileSystem> =>
  Layer.unwrapEffect(Effect.map(
    options.mode === "once"
      ? Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.exists(path), () => true))
      : Effect.succeed(options.mode === "replay"),
    (exists): Layer.Layer<Transport, RecordingError, Transport | FileSystem.FileSystem> =>
      exists ? layerReplay(path, options) : layerRecord(path, options)
  ))

/**
 * The document of a recording: HAR 1.2, which viewers of HAR open. Fails where a `redact` hook has made something that is no
 * recording any more.
 *
 * @since 0.1.0
 * @category codec
 */
export const encode = (recording: Recording): Effect.Effect<string, RecordingError> =>
  Effect.suspend(() => codec.encode(recording))

/**
 * The recording in a document. Fails with `NotARecording`, which says where, for anything that `encode` has not written.
 *
 * @since 0.1.0
 * @category codec
 */
export const decode = (document: string): Effect.Effect<Recording, RecordingError> =>
  Effect.suspend(() => codec.decode(document))
