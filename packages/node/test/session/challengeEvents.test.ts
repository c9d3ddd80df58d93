/** What observers hear of the questions of a connection: of a server about itself and its client, and of proxies. */
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Proxy from "@urlsession/core/Proxy"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { asking, identityOf, person } from "./mutual.ts"
import { httpProxy } from "./proxyServer.ts"
import { authority, leaf, withSession } from "./support.ts"

const ada = Credential.password({ user: "ada", password: "lovelace" })
const basic = `Basic ${Buffer.from("ada:lovelace").toString("base64")}`

const gate = () =>
  httpProxy((asked) =>
    asked.fields.get("proxy-authorization") === basic
      ? undefined
      : "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"gate\"\r\nContent-Length: 2\r\n\r\nno"
  )

/** Notes what is said of challenges, and by which task. */
const noting = () => {
  const heard: Array<readonly [number, string, string, number]> = []
  const layer = SessionEvent.layer({
    ChallengeAnswered: ({ disposition, previousFailureCount, space, taskIdentifier }) =>
      Effect.sync(() => {
        heard.push([taskIdentifier, space, disposition, previousFailureCount])
      })
  })
  return { heard, layer }
}

const secure = Effect.flatMap(
  leaf,
  (issued) => rawServer({ ...answering(response("secret")), tls: presenting(issued) })
)

describe("ChallengeAnswered of a connection", () => {
  it.scopedLive("is told of the server and of the client's certificate, to the task that waited", () =>
    Effect.gen(function*() {
      const server = yield* asking({ version: "TLSv1.3", required: true })
      const { heard, layer } = noting()
      const { cert } = yield* authority
      const identity = identityOf(yield* person("ada"))
      const evaluator = ServerTrust.composite(
        ServerTrust.additionalRoots([cert]),
        ServerTrust.custom((trust) => Effect.succeed(trust.trusted ? ServerTrust.accept : ServerTrust.performDefault))
      )
      const delegate = Layer.merge(
        layer,
        ChallengeResolver.layer({
          ServerTrust: evaluator,
          ClientCertificate: () => Effect.succeed(Disposition.use(identity))
        })
      )
      const url = `https://127.0.0.1:${server.port}/`
      yield* withSession({ delegate }, (session) => Effect.zipRight(session.data(url), session.data(url)))
      const spaces = heard.map(([task, space, disposition]) => [task, space.split(" ")[0], disposition])
      assert.deepInclude(spaces, [1, "ServerTrust", "UseCredential"])
      assert.deepInclude(spaces, [1, "ClientCertificate", "UseCredential"])
      assert.isTrue(spaces.every(([task]) => task === 1), "the second used what there was")
    }))

  it.scopedLive("is told of a server that is refused, before the task fails", () =>
    Effect.gen(function*() {
      const server = yield* secure
      const { heard, layer } = noting()
      const delegate = Layer.merge(
        layer,
        ChallengeResolver.layer({
          ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.reject("not today")))
        })
      )
      yield* withSession({ delegate }, (session) => Effect.flip(session.data(`https://127.0.0.1:${server.port}/`)))
      assert.deepStrictEqual(heard.map(([task, , disposition]) => [task, disposition]), [[1, "CancelChallenge"]])
    }))

  for (const scheme of ["http", "https"] as const) {
    it.scopedLive(`is told of a proxy, and stands among the decisions (${scheme})`, () =>
      Effect.gen(function*() {
        const server = scheme === "https" ? yield* secure : yield* rawServer(answering(response("secret")))
        const proxy = yield* gate()
        const { heard, layer } = noting()
        const { cert } = yield* authority
        let times = 0
        const wrongFirst = ChallengeResolver.anyOrigin(() =>
          Effect.sync(() =>
            Disposition.use(times++ === 0 ? Credential.password({ user: "ada", password: "wrong" }) : ada)
          )
        )
        const delegate = Layer.merge(
          layer,
          ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([cert]), Basic: wrongFirst })
        )
        const configuration = {
          proxies: [Proxy.make({ host: "127.0.0.1", port: proxy.port })],
          logDecisions: true
        }
        yield* withSession({ configuration, delegate }, (session) =>
          Effect.gen(function*() {
            const task = yield* session.dataTask(`${scheme}://localhost:${server.port}/`)
            yield* task.data
            const { decisions = [] } = yield* task.metrics
            assert.deepStrictEqual(
              decisions.flatMap(({ decision }) =>
                decision._tag === "ChallengeAnswered" ? [decision.previousFailureCount] : []
              ),
              [0, 1]
            )
            yield* session.data(`${scheme}://localhost:${server.port}/`)
          }))
        assert.deepStrictEqual(heard.map(([task, , disposition, failures]) => [task, disposition, failures]), [
          [1, "UseCredential", 0],
          [1, "UseCredential", 1]
        ])
        assert.match(heard[0]?.[1] ?? "", /Basic.*gate.*127\.0\.0\.1/)
      }))
  }

  it.scopedLive("a resolver that uses the session itself is heard of by its own tasks", () =>
    Effect.gen(function*() {
      const proxy = yield* gate()
      const server = yield* rawServer(answering(response("the password is lovelace")))
      const { heard, layer } = noting()
      const configuration = { proxies: [Proxy.make({ host: "127.0.0.1", port: proxy.port, match: ["proxied.test"] })] }
      yield* withSession({ configuration, delegate: layer }, (session) => {
        const own = ChallengeResolver.make({
          Basic: ChallengeResolver.anyOrigin(() =>
            Effect.as(session.data(`http://127.0.0.1:${server.port}/`), Disposition.use(ada))
          )
        })
        return Effect.exit(ChallengeResolver.provideTask(own)(session.data("http://proxied.test/")))
      })
      assert.deepStrictEqual(heard.map(([task]) => task), [1])
    }))
})
