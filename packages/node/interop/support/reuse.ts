/** Connections that end while they are idle, at the very moment when they are used again. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { curl } from "./curl.ts"
import { ours } from "./outcome.ts"
import { withSession } from "./session.ts"
import { plainText, trust } from "./transfers.ts"

const sessions = 12
const rounds = 40

/** For a server that closes connections after 50 ms without a request. */
export const reusing = <E>(
  server: Effect.Effect<{ readonly hasty: string; readonly path: string }, E>,
  over = "HTTP/1.1"
): void => {
  it.scopedLive(`CON-05 no GET fails that meets the end of an idle connection over ${over} (RFC 9112 9.3.1)`, () =>
    Effect.gen(function*() {
      const { hasty, path } = yield* server
      const url = `${hasty}/hello.txt`
      // the pauses are the test: from 40 to 60 ms, around the moment at which the server closes
      const one = (index: number) =>
        withSession({}, (session) =>
          Effect.forEach(
            Array.from({ length: rounds }, (_, round) => round),
            (round) => Effect.zipLeft(ours(session.data(url)), Effect.sleep(40 + ((index + round) * 7) % 21))
          ))
      const outcomes = yield* Effect.forEach(Array.from({ length: sessions }, (_, index) => index), one, {
        concurrency: "unbounded"
      })
      for (const outcome of outcomes.flat()) assert.deepStrictEqual(outcome, plainText("hello\n"))
      assert.deepStrictEqual(yield* curl(...trust(path), url), plainText("hello\n"))
    }))
}
