import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { inspect } from "node:util"
import { turns } from "../support/fakeControl.ts"
import { rawServer, response } from "../support/rawServer.ts"
import { withSession } from "./support.ts"

const pathOf = (head: string): string => /^\w+ (\S+)/.exec(head)?.[1] ?? ""

describe("secrets", () => {
  it.scopedLive("are in no error, response, metric or event, however it is printed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          if (pathOf(head).startsWith("/lost")) peer.socket.destroy()
          else if (pathOf(head).startsWith("/nonsense")) peer.socket.end("nonsense\r\n\r\n")
          else {
            peer.socket.write(
              /^authorization/im.test(head)
                ? response("fine")
                : response("", { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] })
            )
          }
        }
      })
      const printed: Array<unknown> = []
      const note = (event: unknown) => Effect.sync(() => printed.push(event))
      const delegate = Layer.mergeAll(
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin((challenge) => {
            printed.push(challenge)
            return Effect.succeed(
              Disposition.use(Credential.password({ user: "ada", password: "hunter2" }))
            )
          })
        }),
        SessionEvent.layer({
          TaskCreated: note,
          ResponseReceived: note,
          ChallengeAnswered: note,
          MetricsCollected: note,
          TaskCompleted: note
        })
      )
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const base = `http://eve:hunter2@127.0.0.1:${server.port}`
          const [, head] = yield* session.data(`${base}/?token=hunter2`)
          printed.push(head, yield* head.metrics)
          for (const path of ["/lost?token=hunter2", "/nonsense?token=hunter2"]) {
            const exit = yield* Effect.exit(
              session.data(HttpClientRequest.setHeader(HttpClientRequest.get(base + path), "x-api-key", "hunter2"))
            )
            assert.isTrue(Exit.isFailure(exit))
            printed.push(exit, yield* Effect.flip(session.data(base + path)))
          }
          printed.push(yield* Effect.flip(session.data("http://eve:hunter2@host:99999/")))
          yield* turns(20)
        }))
      for (const one of printed) {
        const text = [
          inspect(one, { depth: 20 }),
          String(one),
          one instanceof Error ? `${one.message} ${one.stack}` : ""
        ].join("\n")
        assert.notInclude(text, "eve:hunter2")
        assert.notInclude(text, Buffer.from("ada:hunter2").toString("base64"))
        // a response and its metrics have the whole URL, as a field and by their nature; nothing else has
        const whole = typeof one === "object" && one !== null && ("transactions" in one || "metrics" in one)
        assert.notInclude(whole ? text.replace(/url: '[^']*'/g, "") : text, "hunter2")
      }
    }))
})
