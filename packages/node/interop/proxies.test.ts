// squid, tinyproxy and dante between us and apache2, and curl beside us.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as Credential from "@urlsession/core/Credential"
import * as Proxy from "@urlsession/core/Proxy"
import type * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as Effect from "effect/Effect"
import { apache } from "./support/apache.ts"
import { curl } from "./support/curl.ts"
import { signingIn } from "./support/delegates.ts"
import { ours, type Outcome } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { dante, systemUser, tiny, tinyproxy } from "./support/proxies.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { ada, asParameter, isRoot, large, measured, type User, zoe } from "./support/site.ts"
import { forbidden, squid } from "./support/squid.ts"
import { plainText } from "./support/transfers.ts"

const hello = plainText("hello\n")
// squid gives up a body that comes much faster than it goes on, curl's as ours
const body = large.subarray(0, 300_000)
const wrong: User = { name: "ada", password: "wrong" }

const by = (
  port: number,
  fields: Partial<Parameters<typeof Proxy.make>[0]> = {},
  more: SessionConfiguration.Options = {}
): SessionConfiguration.Options => ({ proxies: [Proxy.make({ host: "127.0.0.1", port, ...fields })], ...more })

/** curl through a proxy; the root is trusted for the server and for the proxy. */
const proxied = (root: string, proxy: string, ...parameters: ReadonlyArray<string>) =>
  curl("--noproxy", "", "--cacert", root, "--proxy-cacert", root, "-x", proxy, ...parameters)

const statusOf = (outcome: Outcome): number | string => outcome._tag === "Answered" ? outcome.status : outcome.how

describe.skipIf(lacking("squid", "apache2"))("squid", () => {
  const proxy = shared(squid)
  const server = shared(apache)
  const both = Effect.all({ proxy, server })
  const rootOf = (path: string) => `${path}/root.pem`

  for (const over of ["plain", "tls"] as const) {
    it.scopedLive(`CFG-16 brings what apache2 says, ${over}, down and up, as curl`, () =>
      Effect.gen(function*() {
        const { proxy, server } = yield* both
        const url = `${server[over]}/hello.txt`
        yield* withSession({ configuration: by(proxy.open) }, (session) =>
          Effect.gen(function*() {
            const outcome = yield* ours(session.data(url))
            assert.deepStrictEqual(outcome, hello)
            assert.deepStrictEqual(
              outcome,
              yield* proxied(rootOf(server.path), `http://127.0.0.1:${proxy.open}`, url)
            )
            const [bytes] = yield* session.data(`${server[over]}/large.bin`)
            assert.isTrue(Buffer.from(bytes).equals(large))
            const [echo] = yield* session.data(
              HttpClientRequest.post(`${server[over]}/cgi/measure`).pipe(HttpClientRequest.bodyUint8Array(body))
            )
            assert.strictEqual(new TextDecoder().decode(echo), measured("POST", body))
          }))
      }))

    for (
      const [scheme, disabled, flag] of [["Basic", "digest", "--proxy-basic"], [
        "Digest",
        "basic",
        "--proxy-digest"
      ]] as const
    ) {
      const only = { disabledAuthenticationSchemes: [disabled] }
      for (
        const [who, user, status] of [["the right password", ada, 200], [
          "a wrong one",
          wrong,
          over === "plain" ? 407 : "the proxy"
        ]] as const
      ) {
        it.scopedLive(`TRU-08 ${scheme} with ${who}, ${over}: curl's verdict`, () =>
          Effect.gen(function*() {
            const { proxy, server } = yield* both
            const url = `${server[over]}/hello.txt`
            const seen: Array<AuthenticationChallenge> = []
            const outcome = yield* withSession(
              { delegate: signingIn(user, seen), configuration: by(proxy.closed, {}, only) },
              (session) => ours(session.data(url))
            )
            assert.strictEqual(statusOf(outcome), status)
            assert.strictEqual(
              statusOf(
                yield* proxied(
                  rootOf(server.path),
                  `http://127.0.0.1:${proxy.closed}`,
                  flag,
                  "-U",
                  asParameter(user),
                  url
                )
              ),
              status
            )
            assert.isTrue(seen.every(({ space }) => space.isProxy && space.method === scheme))
          }))
      }
    }

    it.scopedLive(`takes Digest before Basic, and bears nonces that grow old after three uses, ${over}`, () =>
      Effect.gen(function*() {
        const { proxy, server } = yield* both
        const seen: Array<AuthenticationChallenge> = []
        yield* withSession(
          { delegate: signingIn(ada, seen), configuration: by(proxy.closed) },
          (session) =>
            Effect.forEach(
              Array.from({ length: 12 }, (_, index) => index),
              (index) =>
                Effect.map(
                  ours(session.data(`${server[over]}/hello.txt?${index}`)),
                  (outcome) => assert.deepStrictEqual(outcome, hello)
                ),
              { discard: true }
            )
        )
        assert.deepStrictEqual(seen.map(({ space }) => space.method), ["Digest"])
      }))

    it.scopedLive(`a body is sent again after a 407, ${over}`, () =>
      Effect.gen(function*() {
        const { proxy, server } = yield* both
        yield* withSession({ delegate: signingIn(ada), configuration: by(proxy.closed) }, (session) =>
          Effect.gen(function*() {
            const request = HttpClientRequest.post(`${server[over]}/cgi/measure`)
            const [echo] = yield* session.data(request.pipe(HttpClientRequest.bodyUint8Array(body)))
            assert.strictEqual(new TextDecoder().decode(echo), measured("POST", body))
          }))
      }))
  }

  it.scopedLive("a name and a password outside Latin-1 (RFC 7617 2.1) are taken in UTF-8", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      const configuration = by(proxy.closed, {}, { disabledAuthenticationSchemes: ["digest"] })
      const outcome = yield* withSession(
        { delegate: signingIn(zoe), configuration },
        (session) => ours(session.data(`${server.plain}/hello.txt`))
      )
      const told = yield* proxied(
        rootOf(server.path),
        `http://127.0.0.1:${proxy.closed}`,
        "--proxy-basic",
        "-U",
        asParameter(zoe),
        `${server.plain}/hello.txt`
      )
      assert.strictEqual(statusOf(outcome), statusOf(told))
    }))

  it.scopedLive("a challenge of the proxy and one of the server are answered in one exchange", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      for (const origin of [server.plain, server.tls]) {
        const seen: Array<AuthenticationChallenge> = []
        const outcome = yield* withSession(
          { delegate: signingIn(ada, seen), configuration: by(proxy.closed) },
          (session) => ours(session.data(`${origin}/basic/inside.txt`))
        )
        assert.strictEqual(statusOf(outcome), 200)
        assert.deepStrictEqual(seen.map(({ space }) => `${space.method} ${space.isProxy}`), [
          "Digest true",
          "Basic false"
        ])
      }
    }))

  it.scopedLive("over TLS to the proxy, and TLS within it", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      const configuration = by(proxy.secure, { scheme: "https", host: "localhost" })
      yield* withSession({ delegate: signingIn(ada), configuration }, (session) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* ours(session.data(`${server.plain}/hello.txt`)), hello)
          assert.deepStrictEqual(yield* ours(session.data(`${server.tls}/hello.txt`)), hello)
        }))
      assert.deepStrictEqual(
        yield* proxied(
          rootOf(server.path),
          `https://localhost:${proxy.secure}`,
          "--proxy-anyauth",
          "-U",
          asParameter(ada),
          `${server.tls}/hello.txt`
        ),
        hello
      )
    }))

  it.scopedLive("what it forbids is its answer for plain http, and ProxyFailed for a tunnel", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      yield* withSession({ configuration: by(proxy.open) }, (session) =>
        Effect.gen(function*() {
          assert.strictEqual(statusOf(yield* ours(session.data(`${server.plain}/${forbidden}`))), 403)
          assert.strictEqual(statusOf(yield* ours(session.data("https://localhost:9/"))), "the proxy")
          assert.strictEqual(
            statusOf(yield* proxied(rootOf(server.path), `http://127.0.0.1:${proxy.open}`, "https://localhost:9/")),
            "the proxy"
          )
        }))
    }))

  it.scopedLive("CFG-17 what is excluded goes past it", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      const configuration = by(proxy.closed, { exclude: ["127.0.0.1"] })
      const outcome = yield* withSession(
        { configuration },
        (session) => ours(session.data(`${server.plain}/hello.txt`))
      )
      assert.deepStrictEqual(outcome, hello)
    }))

  it.scopedLive("the credential of the configuration is given once it is asked for", () =>
    Effect.gen(function*() {
      const { proxy, server } = yield* both
      const credential = Credential.password({ user: ada.name, password: ada.password })
      yield* withSession({ configuration: by(proxy.closed, { credential }) }, (session) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* ours(session.data(`${server.plain}/hello.txt`)), hello)
          assert.deepStrictEqual(yield* ours(session.data(`${server.tls}/hello.txt`)), hello)
        }))
    }))
})

describe.skipIf(lacking("tinyproxy", "apache2"))("tinyproxy", () => {
  const server = shared(apache)
  const open = shared(tinyproxy(undefined))
  const closed = shared(tinyproxy(tiny))

  for (const over of ["plain", "tls"] as const) {
    it.scopedLive(`brings what apache2 says, ${over}`, () =>
      Effect.gen(function*() {
        const { server: site, port } = yield* Effect.all({ server, port: open })
        yield* withSession({ configuration: by(port) }, (session) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* ours(session.data(`${site[over]}/hello.txt`)), hello)
            const [bytes] = yield* session.data(`${site[over]}/large.bin`)
            assert.isTrue(Buffer.from(bytes).equals(large))
          }))
      }))

    for (
      const [who, user, status] of [["the right password", tiny, 200], [
        "a wrong one",
        wrong,
        over === "plain" ? 401 : "the proxy"
      ]] as const
    ) {
      it.scopedLive(`TRU-08 Basic with ${who}, ${over}: curl's verdict`, () =>
        Effect.gen(function*() {
          const { server: site, port } = yield* Effect.all({ server, port: closed })
          const url = `${site[over]}/hello.txt`
          const outcome = yield* withSession(
            { delegate: signingIn(user), configuration: by(port) },
            (session) => ours(session.data(url))
          )
          assert.strictEqual(statusOf(outcome), status)
          const told = yield* proxied(`${site.path}/root.pem`, `http://127.0.0.1:${port}`, "-U", asParameter(user), url)
          assert.strictEqual(statusOf(told), status)
        }))
    }
  }
})

describe.skipIf(lacking("dante", "apache2") || !Effect.runSync(isRoot))("dante, by SOCKS 5", () => {
  const server = shared(apache)
  const open = shared(dante("none"))
  const closed = shared(Effect.flatMap(systemUser, (user) => Effect.map(dante("username"), (port) => ({ port, user }))))

  for (const over of ["plain", "tls"] as const) {
    it.scopedLive(`without a password, ${over}`, () =>
      Effect.gen(function*() {
        const { server: site, port } = yield* Effect.all({ server, port: open })
        yield* withSession({ configuration: by(port, { scheme: "socks5" }) }, (session) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* ours(session.data(`${site[over]}/hello.txt`)), hello)
            const [bytes] = yield* session.data(`${site[over]}/large.bin`)
            assert.isTrue(Buffer.from(bytes).equals(large))
          }))
      }))

    for (const [who, status] of [["the right password", 200], ["a wrong one", "the proxy"]] as const) {
      it.scopedLive(`with ${who}, ${over}: curl's verdict`, () =>
        Effect.gen(function*() {
          const { proxy, server: site } = yield* Effect.all({ server, proxy: closed })
          const password = status === 200 ? proxy.user.password : "wrong"
          const credential = Credential.password({ user: proxy.user.name, password })
          const url = `${site[over]}/hello.txt`
          const outcome = yield* withSession(
            { configuration: by(proxy.port, { scheme: "socks5", credential }) },
            (session) => ours(session.data(url))
          )
          assert.strictEqual(statusOf(outcome), status)
          const user = asParameter({ name: proxy.user.name, password })
          const told = yield* proxied(`${site.path}/root.pem`, `socks5h://127.0.0.1:${proxy.port}`, "-U", user, url)
          assert.strictEqual(statusOf(told), status)
        }))
    }
  }

  it.scopedLive("what it does not let through is ProxyFailed", () =>
    Effect.gen(function*() {
      const port = yield* open
      const outcome = yield* withSession(
        { configuration: by(port, { scheme: "socks5" }) },
        (session) => ours(session.data("http://127.0.0.1:9/"))
      )
      assert.deepStrictEqual(outcome, { _tag: "Failed", how: "the proxy" })
    }))
})
