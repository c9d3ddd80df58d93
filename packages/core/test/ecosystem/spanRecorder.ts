/** A tracer that keeps every span, so that tests can look at those that are still open, and a client to go with it. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { api, scripted } from "../session/support.ts"

/** A span with all that was said of it. */
export interface RecordedSpan extends Tracer.Span {
  readonly events: Array<{ readonly name: string; readonly at: bigint; readonly attributes: Record<string, unknown> }>
}

/** See the head of this file. */
export class SpanRecorder {
  readonly spans: Array<RecordedSpan> = []
  readonly layer: Layer.Layer<never>

  constructor() {
    this.layer = Layer.setTracer(Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        const attributes = new Map<string, unknown>()
        const events: RecordedSpan["events"] = []
        let status: Tracer.SpanStatus = { _tag: "Started", startTime }
        const number = String(this.spans.length + 1)
        const span: RecordedSpan = {
          _tag: "Span",
          name,
          spanId: number.padStart(16, "0"),
          traceId: parent._tag === "Some" ? parent.value.traceId : number.padStart(32, "0"),
          parent,
          context,
          get status() {
            return status
          },
          attributes,
          links,
          sampled: true,
          kind,
          events,
          end: (endTime, exit) => {
            if (status._tag === "Ended") throw new Error(`${name} has ended twice`)
            status = { _tag: "Ended", startTime, endTime, exit }
          },
          attribute: (key, value) => {
            attributes.set(key, value)
          },
          event: (event, at, more = {}) => {
            events.push({ name: event, at, attributes: more })
          },
          addLinks: () => undefined
        }
        this.spans.push(span)
        return span
      },
      context: (f) => f()
    }))
  }

  /** The spans of requests. */
  get requests(): ReadonlyArray<RecordedSpan> {
    return this.spans.filter((one) => one.kind === "client")
  }

  /** How many of them are open. */
  get open(): number {
    return this.requests.filter((one) => one.status._tag === "Started").length
  }

  /** How each has ended. */
  get ends(): ReadonlyArray<string> {
    return this.requests.map(({ attributes, status }) =>
      status._tag === "Started"
        ? "open"
        : status.exit._tag === "Success"
        ? "ok"
        : String(attributes.get("error.type") ?? "interrupted")
    )
  }
}

/** An app's client, beside its session. */
export const client = SessionHttpClient.layer.pipe(Layer.provideMerge(UrlSession.layer()))

/** The client over a session with this delegate. */
export const clientWith = <Delegate>(delegate: Layer.Layer<Delegate>) =>
  SessionHttpClient.layer.pipe(Layer.provideMerge(UrlSession.layer(undefined, delegate)))

export const get = (url = api) => HttpClient.get(url)
export const text = (url = api) => Effect.flatMap(get(url), (response) => response.text)

/** A body that begins, and goes on when a second has passed. */
export const slow = [
  ...TestTransport.head(200, { "content-length": "4" }),
  ...TestTransport.bytes("ab"),
  ...TestTransport.delay("1 second"),
  ...TestTransport.bytes("cd"),
  ...TestTransport.end
]

/** Runs with a client of its own and everything recorded. */
export const recorded = <A, E>(
  answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script,
  use: (recorder: SpanRecorder) => Effect.Effect<
    A,
    E,
    HttpClient.HttpClient | UrlSession.UrlSession | TestTransport.TestTransport
  >,
  layer: Layer.Layer<HttpClient.HttpClient | UrlSession.UrlSession, never, Layer.Layer.Context<typeof client>> = client
) =>
  Effect.suspend(() => {
    const recorder = new SpanRecorder()
    return use(recorder).pipe(Effect.provide(layer), Effect.provide(recorder.layer), scripted(answer))
  })
