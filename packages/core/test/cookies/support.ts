/** Cookies through a whole session: a server that sets them at one URL, and what comes back at another. */
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

/** 20 November 2026: far enough from the epoch that a date can lie before it. */
export const today = Date.UTC(2026, 10, 20)

export interface Case {
  /** What is tested, in words. */
  readonly name: string
  readonly lines: string | ReadonlyArray<string>
  /** The `Cookie` field at `at`; `undefined` where none is sent. */
  readonly sent: string | undefined
  /** Where the lines are answered. */
  readonly from?: string
  /** Where a request is made then. */
  readonly at?: string
  readonly setting?: RequestOptions.RequestOptionsRecord
  readonly asking?: RequestOptions.RequestOptionsRecord
}

export const site = "http://www.shop.test"

const answer = (lines: ReadonlyArray<string>, from: string) => (request: TestTransport.ReceivedRequest) =>
  TestTransport.respond(200, {
    headers: request.index === 0 && request.url === from ? lines.map((line) => ["set-cookie", line] as const) : []
  })

/** Sets, then asks, over one session. */
export const exchange = (one: Case): Effect.Effect<string | undefined, unknown> => {
  const from = new URL(one.from ?? `${site}/a/b`).href
  const lines = typeof one.lines === "string" ? [one.lines] : one.lines
  return Effect.gen(function*() {
    yield* TestClock.setTime(today)
    const session = yield* UrlSession.make(SessionConfiguration.make({ httpCookieAcceptPolicy: "always" }))
    yield* session.data(from).pipe(RequestOptions.with(one.setting ?? {}))
    yield* session.data(one.at ?? from).pipe(RequestOptions.with(one.asking ?? one.setting ?? {}))
    const transport = yield* TestTransport.TestTransport
    const requests = yield* transport.requests
    return requests[1]?.header("cookie")
  }).pipe(
    Effect.scoped,
    Effect.provide(CookieStorage.layerMemory),
    Effect.provide(TestTransport.layer({ answer: answer(lines, from) }))
  )
}
