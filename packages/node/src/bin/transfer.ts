/** The download of a URL of the user's, with what the command line says about it. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ResponseHandler from "@urlsession/core/ResponseHandler"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type { SessionError } from "@urlsession/core/SessionError"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as NodeSession from "../NodeSession.ts"
import * as Census from "./census.ts"
import { verified } from "./digest.ts"
import { fileName, type Plan, UsageError } from "./options.ts"
import * as Password from "./password.ts"
import { describe, type Exchange, exchangesOf } from "./report.ts"
import { Screen, type Service as ScreenService } from "./screen.ts"

/** How often a transfer that failed for a passing reason is tried again, and after which pauses. */
export const retrying = Schedule.intersect(Schedule.exponential("250 millis"), Schedule.recurs(3))

const roots = (plan: Plan) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.forEach(plan.ca, (path) =>
      Effect.flatMap(
        Effect.mapError(fs.readFileString(path), (error) => new UsageError({ message: `--ca: ${error.message}` })),
        (pem) =>
          pem.includes("-----BEGIN CERTIFICATE-----")
            ? Effect.succeed(pem)
            : Effect.fail(new UsageError({ message: `--ca: there is no certificate in ${path}` }))
      )))

/** The first of `name`, `name.1`, `name.2` that does not exist: a file that nobody named is not overwritten. */
const freeName = (name: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    for (let number = 0;; number++) {
      const path = number === 0 ? name : `${name}.${number}`
      if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) return path
    }
  })

const credential = (plan: Plan, screen: ScreenService) =>
  Effect.gen(function*() {
    if (plan.user === undefined) return undefined
    const { name, password } = plan.user
    if (password === undefined) return { name, password: yield* Password.read(name) }
    yield* screen.warn(
      "the password is in the list of processes for everybody to read: use URLSESSION_PASSWORD or standard input"
    )
    return { name, password }
  })

interface Delegate {
  readonly plan: Plan
  readonly pem: ReadonlyArray<string>
  readonly user: { readonly name: string; readonly password: Redacted.Redacted } | undefined
  readonly screen: ScreenService
  readonly exchanges: Array<Exchange>
  readonly refused: (status: number) => void
}

const delegate = ({ exchanges, pem, plan, refused, screen, user }: Delegate) => {
  // to this origin and no other, wherever a redirect may lead
  const answer = ChallengeResolver.forSpace({ origin: plan.url.origin }, ({ previousFailureCount }) =>
    Effect.succeed(
      user === undefined
        ? Disposition.performDefault
        : previousFailureCount > 0
        ? Disposition.cancel
        : Disposition.use(Credential.password({ user: user.name, password: user.password }))
    ))
  const host = plan.url.hostname.replace(/^\[|\]$/g, "")
  return Layer.mergeAll(
    ChallengeResolver.layer({
      Basic: answer,
      Digest: answer,
      ServerTrust: ServerTrust.composite(
        pem.length === 0 ? ServerTrust.default : ServerTrust.additionalRoots(pem),
        plan.pins.length === 0 ? ServerTrust.default : ServerTrust.pinned({ [host]: plan.pins })
      )
    }),
    ResponseHandler.layer(({ status }) =>
      Effect.sync(() => {
        if (status < 400) return "allow"
        refused(status)
        return "cancel"
      })
    ),
    SessionEvent.layer({
      TaskCreated: ({ method, taskIdentifier, url }) => screen.say(`task ${taskIdentifier}: ${method} ${url}`),
      Redirected: ({ status, to }) => screen.say(`${status}, on to ${to}`),
      ChallengeAnswered: ({ disposition, space }) => screen.say(`challenged by ${space}: ${disposition}`),
      DataWritten: (event) => screen.progress(event.totalBytesWritten, event.totalBytesExpectedToWrite),
      MetricsCollected: ({ metrics }) => Effect.sync(() => exchanges.push(...exchangesOf(metrics))),
      TaskCompleted: ({ error }) => error?.isTransient === true ? screen.say(describe(error)) : Effect.void
    })
  )
}

const statusError = (status: number, user: Plan["user"]): UsageError =>
  new UsageError({
    message: status === 401 && user === undefined
      ? "the server answered 401 and wants a name and a password: give --user"
      : `the server answered ${status}; nothing was saved`
  })

/** Downloads, verifies, and shows what happened and that nothing is left open. */
export const transfer = (plan: Plan): Effect.Effect<void, SessionError | UsageError, Screen | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const screen = yield* Screen
    const pem = yield* roots(plan)
    const user = yield* credential(plan, screen)
    const path = plan.output ?? (yield* freeName(fileName(plan.url)))
    const exchanges: Array<Exchange> = []
    let status = 0
    const before = yield* Census.take
    const session = NodeSession.layer(
      SessionConfiguration.default,
      delegate({ plan, pem, user, screen, exchanges, refused: (refusal) => (status = refusal) })
    )
    const outcome = yield* Effect.flatMap(
      UrlSession.UrlSession,
      ({ download }) =>
        Effect.retry(download(plan.url, path), { schedule: retrying, while: ({ isTransient }) => isTransient })
    ).pipe(
      Effect.provide(session),
      Effect.mapError((error) => error._tag === "Cancelled" && status > 0 ? statusError(status, plan.user) : error),
      Effect.either
    )
    const open = Census.since(before, yield* Census.take)
    const verdict = outcome._tag === "Right" ? yield* Effect.either(verified(path, plan.sha256)) : outcome
    if (verdict._tag === "Right") {
      yield* screen.say(`saved as ${path}`)
      yield* screen.say(`sha256 ${verdict.right} ok`)
    }
    yield* screen.exchanges(exchanges)
    yield* screen.say(Census.line(open))
    if (verdict._tag === "Left") return yield* Effect.fail(verdict.left)
  })
