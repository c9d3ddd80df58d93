// Challenges that wait for a human: asked once, answered once, withdrawn with their tasks.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeQueue from "@urlsession/core/ChallengeQueue"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { ada, basicOf, basicServer, sent, spaceOf, wrong } from "../session/authSupport.ts"
import { api, scripted, settle } from "../session/support.ts"

const sessionOver = (queue: ChallengeQueue.ChallengeQueue) =>
  UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(queue.resolver)))

/** The questions without an answer. */
const pendingOf = (queue: ChallengeQueue.ChallengeQueue) =>
  Effect.map(Stream.runHead(queue.pending), Option.getOrElse((): ReadonlyArray<ChallengeQueue.Question> => []))

/** A queue, and a session that asks it. */
const setUp = Effect.gen(function*() {
  const queue = yield* ChallengeQueue.make
  return { queue, session: yield* sessionOver(queue) }
})

describe("ChallengeQueue", () => {
  it.scoped("a question is taken, and the answer is used", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const task = yield* Effect.fork(session.data(api))
      const question = yield* queue.take
      assert.strictEqual(question.challenge.space.origin, "https://api.test")
      assert.strictEqual(yield* question.status, "Pending")
      assert.deepStrictEqual(yield* pendingOf(queue), [question])
      assert.isTrue(yield* question.answer(Disposition.use(ada)))
      assert.strictEqual((yield* Fiber.join(task))[1].status, 200)
      assert.strictEqual(yield* question.ended, "Answered")
      assert.deepStrictEqual(yield* pendingOf(queue), [])
    }).pipe(scripted(basicServer(ada))))

  it.scoped("is answered once: a second answer says so and changes nothing", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const task = yield* Effect.fork(session.data(api))
      const question = yield* queue.take
      assert.deepStrictEqual(
        yield* Effect.all([question.answer(Disposition.use(ada)), question.answer(Disposition.cancel)]),
        [true, false]
      )
      assert.strictEqual((yield* Fiber.join(task))[1].status, 200)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("a refused answer is a new question, that says so", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const task = yield* Effect.fork(session.data(api))
      yield* Effect.flatMap(queue.take, (question) => question.answer(Disposition.use(wrong)))
      const again = yield* queue.take
      assert.strictEqual(again.challenge.previousFailureCount, 1)
      assert.isTrue(Option.exists(again.challenge.proposedCredential, (one) => Credential.equals(one, wrong)))
      assert.notInclude(inspect(again, { depth: 9 }), "guess")
      yield* again.answer(Disposition.useNone)
      assert.strictEqual((yield* Fiber.join(task))[1].status, 401)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("many tasks for one space ask once, and share the answer", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const tasks = yield* Effect.forEach([1, 2, 3, 4, 5], (one) => Effect.fork(session.data(`${api}${one}`)))
      const question = yield* queue.take
      yield* settle
      assert.strictEqual((yield* pendingOf(queue)).length, 1)
      yield* question.answer(Disposition.use(ada))
      for (const task of tasks) assert.strictEqual((yield* Fiber.join(task))[1].status, 200)
      assert.deepStrictEqual((yield* sent).filter((one) => one !== undefined), Array(5).fill(basicOf(ada)))
    }).pipe(scripted(basicServer(ada))))

  it.scoped("what is asked because of a redirect is another question than the origin's own", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      yield* Effect.fork(session.data(api))
      yield* Effect.fork(session.data("https://other.test/"))
      const both = yield* Effect.all([queue.take, queue.take])
      assert.deepStrictEqual(both.map((one) => one.challenge.crossOrigin).sort(), [false, true])
      assert.isTrue(both.every((one) => one.challenge.space.origin === "https://api.test"))
    }).pipe(
      scripted((request) =>
        request.url.startsWith("https://other.test")
          ? TestTransport.respond(302, { headers: { location: api } })
          : basicServer(ada)(request)
      )
    ))

  it.scoped("a cancelled task withdraws its question, taken or not", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const first = yield* Effect.fork(session.data(api))
      const question = yield* queue.take
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* question.ended, "Withdrawn")
      assert.isFalse(yield* question.answer(Disposition.use(ada)))
      // one that nobody has taken is never seen
      const second = yield* Effect.fork(session.data("https://second.test/"))
      yield* settle
      yield* Fiber.interrupt(second)
      yield* Effect.fork(session.data("https://third.test/"))
      assert.strictEqual((yield* queue.take).challenge.space.host, "third.test")
      assert.deepStrictEqual((yield* sent).filter((one) => one !== undefined), [])
    }).pipe(scripted(basicServer(ada))))

  it.scoped("a task that runs out of time withdraws its question", () =>
    Effect.gen(function*() {
      const queue = yield* ChallengeQueue.make
      const session = yield* UrlSession.make(
        SessionConfiguration.make({ timeoutIntervalForResource: "10 seconds" })
      ).pipe(Effect.provide(ChallengeResolver.layerFrom(queue.resolver)))
      const task = yield* Effect.fork(Effect.flip(session.data(api)))
      const question = yield* queue.take
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* question.status, "Pending")
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(task)).reason._tag, "TimedOut")
      assert.strictEqual(yield* question.ended, "Withdrawn")
    }).pipe(scripted(basicServer(ada))))

  it.scoped("a question stays while one of its tasks waits", () =>
    Effect.gen(function*() {
      const { queue, session } = yield* setUp
      const [first, second] = yield* Effect.all([Effect.fork(session.data(api)), Effect.fork(session.data(`${api}2`))])
      const question = yield* queue.take
      yield* settle
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* question.status, "Pending")
      yield* question.answer(Disposition.use(ada))
      assert.strictEqual((yield* Fiber.join(second))[1].status, 200)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("a session closes although nobody answers", () =>
    Effect.gen(function*() {
      const queue = yield* ChallengeQueue.make
      const scope = yield* Scope.make()
      const session = yield* Scope.extend(sessionOver(queue), scope)
      const task = yield* Effect.fork(session.data(api))
      const question = yield* queue.take
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(task)))
      assert.strictEqual(yield* question.ended, "Withdrawn")
    }).pipe(scripted(basicServer(ada))))

  it.scoped("when the queue is closed, what waits and what comes goes on without an answer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const queue = yield* Scope.extend(ChallengeQueue.make, scope)
      const session = yield* sessionOver(queue)
      const task = yield* Effect.fork(session.data(api))
      const question = yield* queue.take
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(task))[1].status, 401)
      assert.strictEqual(yield* question.ended, "Withdrawn")
      assert.strictEqual((yield* session.data(api))[1].status, 401)
    }).pipe(scripted(basicServer(ada))))
})

describe("shared", () => {
  const challenge = {
    space: spaceOf("Basic", "api"),
    previousFailureCount: 0,
    proposedCredential: Option.none(),
    failureResponse: Option.none(),
    crossOrigin: false,
    taskIdentifier: 1
  }

  it.effect("a failure is everybody's, and the next one is asked anew", () =>
    Effect.gen(function*() {
      let asked = 0
      const answer = ChallengeQueue.shared(() =>
        Effect.zipRight(Effect.yieldNow(), Effect.suspend(() => Effect.fail(`no ${++asked}`)))
      )
      const both = yield* Effect.all([Effect.flip(answer(challenge)), Effect.flip(answer(challenge))], {
        concurrency: 2
      })
      assert.deepStrictEqual(both, ["no 1", "no 1"])
      assert.strictEqual(yield* Effect.flip(answer(challenge)), "no 2")
    }))

  it.effect("whoever leaves last waits until the asking has been undone", () =>
    Effect.gen(function*() {
      let undone = false
      const answer = ChallengeQueue.shared(() =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => {
              undone = true
            })
          ))
      )
      const tasks = yield* Effect.all([Effect.fork(answer(challenge)), Effect.fork(answer(challenge))])
      yield* settle
      yield* Fiber.interrupt(tasks[0])
      assert.isFalse(undone)
      yield* Fiber.interrupt(tasks[1])
      assert.isTrue(undone)
    }))

  it.effect("other failures and other proposals are other questions", () =>
    Effect.gen(function*() {
      let asked = 0
      const answer = ChallengeQueue.shared(() => Effect.suspend(() => ++asked > 0 ? Effect.never : Effect.never))
      const fibers = yield* Effect.forEach(
        [
          challenge,
          challenge,
          { ...challenge, previousFailureCount: 1 },
          { ...challenge, proposedCredential: Option.some(ada) },
          { ...challenge, proposedCredential: Option.some(Credential.password({ user: "ada", password: "lovelace" })) },
          { ...challenge, crossOrigin: true },
          { ...challenge, space: spaceOf("Digest", "api") }
        ],
        (one) => Effect.fork(answer(one))
      )
      yield* settle
      assert.strictEqual(asked, 5)
      yield* Fiber.interruptAll(fibers)
    }))
})
