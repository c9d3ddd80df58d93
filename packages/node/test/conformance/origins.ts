/** The origin of the conformance suite for Node: the server, or a script with the same routes. */
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Origin, textOf } from "../../../core/test/conformance/harness.ts"
import { answer, type Plan } from "../../../core/test/conformance/routes.ts"
import { type RunningOrigin, startOrigin } from "./server.ts"

/** A running server. */
export class Running extends Context.Tag("@urlsession/node/test/Running")<Running, RunningOrigin>() {}

const running: Layer.Layer<Running> = Layer.scoped(
  Running,
  Effect.acquireRelease(Effect.promise(startOrigin), (one) => Effect.promise(one.close))
)

const originOf = (scheme: "http" | "https") =>
  Effect.gen(function*() {
    const running = yield* Running
    const [here, there] = scheme === "http" ? ["127.0.0.1", "localhost"] : ["localhost", "127.0.0.1"]
    const url = running[scheme]
    // asked beside the transport that is being tested
    const session = yield* UrlSession.make().pipe(Effect.provide(NodeTransport.layer))
    const until = (stage: string) => (token: string) =>
      Effect.orDie(Effect.asVoid(session.data(`${running.http}/${stage}/${token}`)))
    const completed = (token: string) =>
      Effect.orDie(
        Effect.map(session.data(`${running.http}/completed/${token}`), ([bytes]) => textOf(bytes) === "true")
      )
    return {
      url,
      other: url.replace(here, there),
      refused: running.refused,
      begun: until("begun"),
      received: until("received"),
      completed,
      closed: until("closed")
    }
  })

/** A server for one run. */
export const served: Layer.Layer<Origin> = Layer.provide(Layer.scoped(Origin, originOf("http")), running)

/** The same over TLS. Its certificate is known to whoever trusts `Running`'s root. */
export const servedSecurely: Layer.Layer<Origin | Running> = Layer.provideMerge(
  Layer.scoped(Origin, originOf("https")),
  running
)

const bodiless = new Set([204, 205, 304])

const scriptOf = (plan: Plan, method: string): TestTransport.Script => {
  if (plan.status === 0) return TestTransport.hang
  const bare = method === "HEAD" || bodiless.has(plan.status)
  const body = bare ? [] : plan.body
  const cut = new SessionError.ConnectionError({
    reason: {
      _tag: "NetworkConnectionLost",
      bytesReceived: body.reduce((sum, piece) => sum + piece.length, 0),
      bytesExpected: plan.length,
      why: "Closed",
      requestSent: true,
      reused: false
    }
  })
  const lost = TestTransport.fail(cut)
  const { end, hang: stall } = TestTransport
  const endings = { end, last: end, stall, cut: lost, reset: lost }
  return [
    {
      _tag: "Head",
      status: plan.status,
      headers: HeaderFields.fromEntries(plan.fields),
      length: bare ? 0 : plan.length
    },
    ...body.flatMap(TestTransport.bytes),
    ...endings[plan.ending]
  ]
}

const host = "http://origin.test"
const refused = "http://refused.test"

const script = (request: TestTransport.ReceivedRequest): TestTransport.Script =>
  request.url.startsWith(refused)
    ? TestTransport.fail(
      new SessionError.ConnectionError({
        url: request.url,
        reason: { _tag: "CannotConnectToHost", host: "refused.test", port: 80, detail: "refused" }
      })
    )
    : scriptOf(
      answer({
        method: request.method,
        target: request.url.replace(/^http:\/\/[^/]*|#.*$/g, ""),
        field: request.header,
        body: request.body ?? new Uint8Array(0)
      }),
      request.method
    )

/** The same origin without a server: the transport knows by itself what was asked and what is open. */
export const scripted: Layer.Layer<Origin | TestTransport.TestTransport | Transport> = Layer.provideMerge(
  Layer.effect(
    Origin,
    Effect.map(TestTransport.TestTransport, ({ open, requests }) => {
      const until = (reached: Effect.Effect<boolean>): Effect.Effect<void> =>
        Effect.asVoid(Effect.repeat(Effect.zipRight(Effect.yieldNow(), reached), { until: (is) => is }))
      return {
        url: host,
        other: "http://other.test",
        refused,
        begun: (token: string) => until(Effect.map(requests, (all) => all.some((one) => one.url.includes(token)))),
        received: () => Effect.void,
        completed: () => Effect.succeed(true),
        closed: () => until(Effect.map(open, (count) => count === 0))
      }
    })
  ),
  TestTransport.layer({ answer: script })
)
