// The conformance suite over a transport that is recorded, which must not show, and over what was recorded of it.
import { describe } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import { type SessionTransport, Transport, type TransportService } from "@urlsession/core/Transport"
import * as NodeContentCodings from "@urlsession/node/NodeContentCodings"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Origin, type OriginService } from "../../../core/test/conformance/harness.ts"
import { conformance } from "../../../core/test/conformance/suite.ts"
import { scripted, served } from "../conformance/origins.ts"

/** What the suite over Node has left behind. */
const taken: { origin: OriginService | undefined; recording: Recorder.Recording | undefined } = {
  origin: undefined,
  recording: undefined
}

const keeping = Layer.scopedDiscard(Effect.gen(function*() {
  const recorder = yield* Recorder.Recorder
  taken.origin = yield* Origin
  yield* Effect.addFinalizer(() =>
    Effect.map(recorder.recording, (recording) => {
      taken.recording = recording
    })
  )
}))

describe("recorded", () => {
  conformance({
    subject: "scripted",
    layer: Recorder.layerRecordMemory().pipe(Layer.provideMerge(Layer.merge(scripted, NodeContentCodings.layer)))
  })
  conformance({
    subject: "node",
    layer: keeping.pipe(
      Layer.provideMerge(Recorder.layerRecordMemory()),
      Layer.provideMerge(Layer.merge(served, NodeSession.services))
    )
  })
})

const requireTaken = Effect.gen(function*() {
  const { origin, recording } = taken
  if (origin === undefined || recording === undefined) return yield* Effect.dieMessage("nothing was recorded before")
  return { origin, recording }
})

/** The origin of a replay: what it knows is what the transport was asked. */
const watched = Effect.gen(function*() {
  const { origin } = yield* requireTaken
  const transport = yield* Transport
  const asked: Array<string> = []
  const opened: Array<SessionTransport> = []
  const until = (reached: () => boolean): Effect.Effect<void> =>
    Effect.asVoid(Effect.repeat(Effect.map(Effect.yieldNow(), reached), { until: (is) => is }))
  const watching: TransportService = {
    ...transport,
    open: (options) =>
      Effect.map(transport.open(options), (session) => {
        opened.push(session)
        return {
          ...session,
          exchange: (request, control) =>
            Effect.suspend(() => {
              asked.push(request.url.href)
              return session.exchange(request, control)
            })
        }
      })
  }
  const begun = (token: string) => until(() => asked.some((url) => url.includes(token)))
  const closed = () => until(() => opened.every((session) => session.open().sockets === 0))
  return Context.make(Transport, watching).pipe(
    Context.add(Origin, { ...origin, begun, received: begun, closed, completed: () => Effect.succeed(false) })
  )
})

const replayed = Layer.effectContext(watched).pipe(
  Layer.provide(Layer.unwrapEffect(Effect.map(requireTaken, ({ recording }) => Recorder.layerReplayMemory(recording))))
)

describe("replayed", () => {
  conformance({ subject: "node", layer: Layer.provideMerge(replayed, NodeSession.services) })
})
