/**
 * The main job: a download that pins the server's key, answers its challenge, follows its redirect, survives a lost
 * connection, and leaves nothing open. What the server is, and what to expect of it, is the `Target`.
 */
import * as Census from "#bin/census"
import { verified } from "#bin/digest"
import { describe, type Exchange, exchangesOf } from "#bin/report"
import { Screen } from "#bin/screen"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { Target } from "./origin.ts"

// The delegate: the questions that a session asks, and what it tells.
const Delegate = (target: Target, exchanges: Array<Exchange>) => {
  const trust = ServerTrust.composite(
    ServerTrust.onlyRoots([target.ca]),
    ServerTrust.pinned({ localhost: [target.pin] })
  )
  const credential = Credential.password({ user: target.user, password: target.password })
  const Decisions = ChallengeResolver.layer({
    ServerTrust: trust,
    Digest: ChallengeResolver.forSpace(
      { origin: target.origin, realm: "vault" },
      ({ previousFailureCount }) =>
        Effect.succeed(previousFailureCount === 0 ? Disposition.use(credential) : Disposition.cancel)
    )
  })
  const Observations = Layer.unwrapEffect(Effect.map(Screen, (screen) =>
    SessionEvent.layer({
      TaskCreated: ({ method, taskIdentifier, url }) => screen.say(`task ${taskIdentifier}: ${method} ${url}`),
      Redirected: ({ status, to }) => screen.say(`${status}: redirected to ${to}`),
      ChallengeAnswered: ({ disposition, space }) => screen.say(`401: ${space}, answered with ${disposition}`),
      DataWritten: (event) => screen.progress(event.totalBytesWritten, event.totalBytesExpectedToWrite),
      TaskCompleted: ({ error }) => error === undefined ? Effect.void : screen.say(describe(error)),
      MetricsCollected: ({ metrics }) => Effect.sync(() => exchanges.push(...exchangesOf(metrics)))
    })))
  return Layer.merge(Decisions, Observations)
}

export const download = (target: Target, path: string) =>
  Effect.gen(function*() {
    const screen = yield* Screen
    const exchanges: Array<Exchange> = []
    const before = yield* Census.take

    // A lost connection is a typed, transient error, so the whole download is tried again; a wrong pin never is.
    const transfer = Effect.flatMap(UrlSession.UrlSession, (session) =>
      session.download(target.url, path).pipe(
        Effect.retry({ while: (error) => error.isTransient, schedule: Schedule.exponential("250 millis"), times: 3 })
      ))

    // The scope of the session ends here, and with it every connection, timer and file.
    yield* Effect.provide(transfer, NodeSession.layer(SessionConfiguration.default, Delegate(target, exchanges)))
    const open = Census.since(before, yield* Census.take)

    yield* screen.say(`sha256 ${yield* verified(path, target.sha256)} ok`)
    yield* screen.exchanges(exchanges)
    yield* screen.say(Census.line(open))
  })
