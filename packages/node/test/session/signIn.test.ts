// A user signs in: an authorization server on loopback, and a browser that is one line long.
import { assert, describe, it } from "@effect/vitest"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as NodeSignIn from "@urlsession/node/NodeSignIn"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import * as http from "node:http"

interface Authority {
  readonly origin: string
  /** The forms that came to the token endpoint. */
  readonly forms: Array<URLSearchParams>
}

/** Gives `code-1` to whoever asks, and a token to whoever brings it with the right verifier. */
const authority = Effect.acquireRelease(
  Effect.async<Authority & { readonly close: () => void }>((resume) => {
    let challenge = ""
    let redirectUri = ""
    const forms: Array<URLSearchParams> = []
    const server = http.createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1")
      if (url.pathname === "/authorize") {
        challenge = url.searchParams.get("code_challenge") ?? ""
        redirectUri = url.searchParams.get("redirect_uri") ?? ""
        response.writeHead(302, { location: `${redirectUri}?code=code-1&state=${url.searchParams.get("state")}` })
        return response.end()
      }
      let body = ""
      request.on("data", (data: Buffer) => body += data.toString())
      request.on("end", () => {
        const form = new URLSearchParams(body)
        forms.push(form)
        const verified = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url") === challenge
        const good = verified && form.get("code") === "code-1" && form.get("redirect_uri") === redirectUri
        response.writeHead(good ? 200 : 400, { "content-type": "application/json" })
        response.end(
          good
            ? JSON.stringify({ access_token: "access-1", token_type: "Bearer", refresh_token: "refresh-1" })
            : JSON.stringify({ error: "invalid_grant" })
        )
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        server.close()
        server.closeAllConnections()
      }
      resume(Effect.succeed({ origin: `http://127.0.0.1:${port}`, forms, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const get = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(url)
    return { status: response.status, text: await response.text() }
  })

const stateIn = (url: string): string => new URL(url).searchParams.get("state") ?? ""
const portIn = (url: string): string => new URL(url).searchParams.get("redirect_uri") ?? ""

const optionsOf = (origin: string) => ({
  client: { tokenEndpoint: `${origin}/token`, clientId: "tool", scope: "read" },
  authorizationEndpoint: `${origin}/authorize?tenant=a`
})

const Session = Layer.fresh(NodeSession.layer())

describe("a sign-in", () => {
  it.scopedLive("brings the tokens, for the verifier that only this process has", () =>
    Effect.gen(function*() {
      const { forms, origin } = yield* authority
      let shown = ""
      const tokens = yield* NodeSignIn.signIn({
        ...optionsOf(origin),
        open: (url) => {
          shown = url
          return Effect.asVoid(Effect.forkDaemon(get(url)))
        }
      })
      assert.strictEqual(Redacted.value(tokens.token.token), "access-1")
      assert.deepStrictEqual(Option.map(tokens.refreshToken, Redacted.value), Option.some("refresh-1"))
      const asked = new URL(shown).searchParams
      assert.deepStrictEqual(
        [asked.get("tenant"), asked.get("response_type"), asked.get("scope"), asked.get("code_challenge_method")],
        ["a", "code", "read", "S256"]
      )
      assert.match(portIn(shown), /^http:\/\/127\.0\.0\.1:\d+\/callback$/)
      assert.strictEqual(forms[0]?.get("grant_type"), "authorization_code")
      assert.strictEqual(forms[0]?.get("client_id"), "tool")
      // the port is closed
      assert.isTrue(Option.isNone(yield* Effect.option(Effect.tryPromise(() => fetch(portIn(shown))))))
    }).pipe(Effect.provide(Session)))

  it.scopedLive("heeds nothing but its own callback, and shows nothing of what it was sent", () =>
    Effect.gen(function*() {
      const { origin } = yield* authority
      const seen: Array<number> = []
      const tokens = yield* NodeSignIn.signIn({
        ...optionsOf(origin),
        open: (url) =>
          Effect.asVoid(Effect.forkDaemon(Effect.gen(function*() {
            const callback = portIn(url)
            const strangers = [
              new URL("/", callback).href,
              `${callback}?code=evil&state=wrong`,
              `${callback}?code=evil`,
              `${callback}?error=<b>&state=wrong`,
              `${callback}?code=a&state=${stateIn(url)}&state=other`
            ]
            for (const stranger of strangers) {
              const answer = yield* get(stranger)
              seen.push(answer.status)
              assert.notInclude(answer.text, "evil")
              assert.notInclude(answer.text, "<b>")
            }
            yield* get(url)
          })))
      })
      assert.strictEqual(Redacted.value(tokens.token.token), "access-1")
      assert.deepStrictEqual(seen, [404, 400, 400, 400, 400])
    }).pipe(Effect.provide(Session)))

  it.scopedLive("that is refused is an error with its code, and without line breaks", () =>
    Effect.gen(function*() {
      const { origin } = yield* authority
      const error = yield* Effect.flip(NodeSignIn.signIn({
        ...optionsOf(origin),
        open: (url) =>
          Effect.asVoid(Effect.forkDaemon(
            get(`${portIn(url)}?error=access_denied&error_description=no%0Away&state=${stateIn(url)}`)
          ))
      }))
      assert.strictEqual(error._tag === "SignInError" ? error.error : error._tag, "access_denied")
      assert.include(error.message, "no?way")
    }).pipe(Effect.provide(Session)))

  it.scopedLive("that nobody comes back from is over after its time; interrupted, it leaves no port", () =>
    Effect.gen(function*() {
      const { origin } = yield* authority
      let shown = ""
      const open = (url: string) =>
        Effect.sync(() => {
          shown = url
        })
      const error = yield* Effect.flip(NodeSignIn.signIn({ ...optionsOf(origin), open, timeout: "20 millis" }))
      assert.strictEqual(error._tag === "SignInError" ? error.reason : error._tag, "TimedOut")
      const fiber = yield* Effect.fork(NodeSignIn.signIn({ ...optionsOf(origin), open }))
      const before = shown
      while (shown === before) yield* Effect.sleep(1)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Option.isNone(yield* Effect.option(Effect.tryPromise(() => fetch(portIn(shown))))))
    }).pipe(Effect.provide(Session)))

  it.scopedLive("whose opener fails ends with its error", () =>
    Effect.gen(function*() {
      const { origin } = yield* authority
      const error = yield* Effect.flip(
        NodeSignIn.signIn({ ...optionsOf(origin), open: () => Effect.fail("no browser" as const) })
      )
      assert.strictEqual(error, "no browser")
    }).pipe(Effect.provide(Session)))
})
