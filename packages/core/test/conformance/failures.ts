/** Connections that are not there, and bodies that are cut: typed errors, whatever the platform tells of them. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Cases, failsWith, textOf, withSession } from "./harness.ts"

export const failures = ({ all, only }: Cases): void => {
  all(
    "an origin that nobody answers at is a ConnectionError (CON-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(session.data(origin.refused))
          assert.strictEqual(error._tag, "ConnectionError", error.message)
          assert.strictEqual(error.url, `${origin.refused}/`)
          assert.isDefined(error.code)
        })
      )
  )

  only("named connection errors")(
    "an origin that nobody answers at is CannotConnectToHost",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data(origin.refused), "ConnectionError/CannotConnectToHost")
          assert.isTrue(error.isTransient)
        })
      )
  )

  all(
    "a POST to an origin that nobody answers at is the same",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.bodyText(HttpClientRequest.post(origin.refused), "x")
          assert.strictEqual((yield* Effect.flip(session.data(request)))._tag, "ConnectionError")
        })
      )
  )

  for (const announced of ["200000", "chunked"]) {
    all(
      `a body that is cut is NetworkConnectionLost: ${announced} (NET-07)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const error = yield* failsWith(
              session.data(`${origin.url}/cut/${announced}/400`),
              "ConnectionError/NetworkConnectionLost"
            )
            assert.strictEqual(error.code, -1005)
          })
        )
    )

    all(
      `a Stream of a body that is cut fails: ${announced} (NET-07)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const response = yield* session.execute(`${origin.url}/cut/${announced}/100000`)
            yield* failsWith(Stream.runDrain(response.stream), "ConnectionError/NetworkConnectionLost")
            assert.strictEqual((yield* session.openResources).tasks, 0)
          })
        )
    )

    only("counts what was cut")(
      `a body that is cut gives what came, and says how much it was: ${announced}`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const response = yield* session.execute(`${origin.url}/cut/${announced}/100000`)
            let length = 0
            const error = yield* failsWith(
              Stream.runForEach(response.stream, (chunk) =>
                Effect.sync(() => {
                  length += chunk.length
                })),
              "ConnectionError/NetworkConnectionLost"
            )
            assert.strictEqual(length, 100_000)
            assert.deepInclude(error.reason, { bytesReceived: 100_000 })
          })
        )
    )
  }

  only("lengths")(
    "a body that is cut says how much there should have been (NET-07)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const error = yield* failsWith(
            session.data(`${origin.url}/cut/1000/400`),
            "ConnectionError/NetworkConnectionLost"
          )
          assert.deepInclude(error.reason, { bytesReceived: 400, bytesExpected: 1000 })
        })
      )
  )

  all(
    "a connection that is reset within a body is NetworkConnectionLost (NET-07)",
    () =>
      withSession(({ origin, session }) =>
        failsWith(session.data(`${origin.url}/reset/1000`), "ConnectionError/NetworkConnectionLost")
      )
  )

  all(
    "an answer behind which the server closes is whole, and the next request finds another connection",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          for (let i = 0; i < 3; i++) {
            const [bytes] = yield* session.data(`${origin.url}/last`)
            assert.strictEqual(textOf(bytes), "the last")
          }
        })
      )
  )

  all("a lost connection is not the session's end", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* failsWith(session.data(`${origin.url}/cut/10/1`), "ConnectionError/NetworkConnectionLost")
        const [, response] = yield* session.data(`${origin.url}/hello`)
        assert.strictEqual(response.status, 200)
      })
    ))
}
