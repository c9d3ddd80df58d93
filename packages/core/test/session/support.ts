/** What the tests of the session share: scripts as layers, a recorder of events, and a clock that lets everything settle. */
import type * as HeaderFields from "@urlsession/core/HeaderFields"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"

export const api = "https://api.test/"

/** Runs an effect on a transport that answers so. */
export const scripted = (answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script) =>
  Effect.provide(TestTransport.layer({ answer }))

/** One script after the other, the last one for ever. */
export const inTurn = (...scripts: ReadonlyArray<TestTransport.Script>) => (request: TestTransport.ReceivedRequest) =>
  scripts[Math.min(request.index, scripts.length - 1)] ?? TestTransport.hang

export const ok = (body = "hello") => TestTransport.respond(200, { body })

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const encode = (value: string): Uint8Array => new TextEncoder().encode(value)

export const requests = Effect.flatMap(TestTransport.TestTransport, (transport) => transport.requests)

/** Lets every fiber that can go on do so; no time passes. */
export const settle = TestClock.adjust(0)

export const nothingOpen = { sockets: 0, connecting: 0, queued: 0, tasks: 0, timers: 0 }

export const fieldsOf = (fields: HeaderFields.HeaderFields): ReadonlyArray<readonly [string, string]> => [...fields]

/** Records every event in the order in which its handler ran. */
export class Recorder {
  readonly events: Array<SessionEvent.SessionEvent> = []
  readonly handlers = {
    TaskCreated: (event: SessionEvent.TaskCreated) => this.#note(event),
    InformationalResponse: (event: SessionEvent.InformationalResponse) => this.#note(event),
    BodyDataSent: (event: SessionEvent.BodyDataSent) => this.#note(event),
    Redirected: (event: SessionEvent.Redirected) => this.#note(event),
    WaitingForConnectivity: (event: SessionEvent.WaitingForConnectivity) => this.#note(event),
    RetryScheduled: (event: SessionEvent.RetryScheduled) => this.#note(event),
    ChallengeAnswered: (event: SessionEvent.ChallengeAnswered) => this.#note(event),
    ResponseReceived: (event: SessionEvent.ResponseReceived) => this.#note(event),
    DataReceived: (event: SessionEvent.DataReceived) => this.#note(event),
    DataWritten: (event: SessionEvent.DataWritten) => this.#note(event),
    MetricsCollected: (event: SessionEvent.MetricsCollected) => this.#note(event),
    TaskCompleted: (event: SessionEvent.TaskCompleted) => this.#note(event),
    Invalidated: (event: SessionEvent.Invalidated) => this.#note(event)
  }
  readonly layer: Layer.Layer<SessionEvent.SessionEvents> = SessionEvent.layer(this.handlers)

  get tags(): ReadonlyArray<string> {
    return this.events.map((event) => event._tag)
  }

  /** The events of one kind. */
  of<const Tag extends SessionEvent.SessionEvent["_tag"]>(
    tag: Tag
  ): ReadonlyArray<Extract<SessionEvent.SessionEvent, { readonly _tag: Tag }>> {
    return this.events.filter((event): event is Extract<SessionEvent.SessionEvent, { readonly _tag: Tag }> =>
      event._tag === tag
    )
  }

  #note(event: SessionEvent.SessionEvent): Effect.Effect<void> {
    return Effect.sync(() => {
      this.events.push(event)
    })
  }
}
