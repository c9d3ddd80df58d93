// TRU-08, CFG-16, CFG-17, MET-06: proxies (engine rules 16 and 17).
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Proxy from "@urlsession/core/Proxy"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { until } from "../support/fakeControl.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { type Asked, httpProxy, socksProxy } from "./proxyServer.ts"
import { authority, failsWith, leaf, text, withSession } from "./support.ts"

const secure = Effect.flatMap(
  leaf,
  (issued) => rawServer({ ...answering(response("secret")), tls: presenting(issued) })
)

const trusting = Effect.map(authority, (root) => ({ ServerTrust: ServerTrust.additionalRoots([root.cert]) }))

const by = (port: number, fields: Partial<Parameters<typeof Proxy.make>[0]> = {}) => ({
  proxies: [Proxy.make({ host: "127.0.0.1", port, ...fields })]
})

const ada = Credential.password({ user: "ada", password: "lovelace" })
const basic = `Basic ${Buffer.from("ada:lovelace").toString("base64")}`

const refusal = (challenge: string, status = "407 Proxy Authentication Required") =>
  `HTTP/1.1 ${status}\r\nProxy-Authenticate: ${challenge}\r\nContent-Length: 2\r\n\r\nno`

const wantsBasic = (asked: Asked) =>
  asked.fields.get("proxy-authorization") === basic ? undefined : refusal("Basic realm=\"gate\"")

const digestParam = (text: string, name: string) => new RegExp(`${name}="?([^",]*)`).exec(text)?.[1] ?? ""
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

/** Each count once, and the right answer. */
const wantsDigest = () => {
  const counts = new Set<string>()
  return (asked: Asked) => {
    const sent = asked.fields.get("proxy-authorization") ?? ""
    const [nc, cnonce, uri] = ["nc", "cnonce", "uri"].map((name) => digestParam(sent, name))
    const expected = sha256(
      `${sha256("ada:gate:lovelace")}:n1:${nc}:${cnonce}:auth:${sha256(`${asked.method}:${uri}`)}`
    )
    if (digestParam(sent, "response") === expected && uri === asked.target && !counts.has(nc ?? "")) {
      counts.add(nc ?? "")
      return undefined
    }
    return refusal("Digest realm=\"gate\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256")
  }
}

describe("requests through a proxy", () => {
  it.scopedLive("plain http is given to it whole, in absolute form, over one connection (RFC 9112 3.2.2)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hello")))
      const proxy = yield* httpProxy()
      const { port } = server
      yield* withSession({ configuration: by(proxy.port) }, (session) =>
        Effect.gen(function*() {
          const [body, head] = yield* session.data(`http://name.test:${port}/path?query#fragment`)
          assert.strictEqual(text(body), "hello")
          const { transactions } = yield* head.metrics
          // MET-04, MET-06: it says so, and the address is the proxy's
          assert.isTrue(transactions[0]?.isProxyConnection)
          assert.strictEqual(transactions[0]?.connection?.remotePort, proxy.port)
          assert.deepInclude(transactions[0]?.connection?.proxy, {
            scheme: "http",
            host: "127.0.0.1",
            port: proxy.port
          })
          yield* session.data(`http://name.test:${port}/again`)
        }))
      assert.strictEqual(proxy.asked[0]?.target, `http://name.test:${port}/path?query`)
      assert.strictEqual(proxy.asked[0]?.fields.get("host"), `name.test:${port}`)
      assert.strictEqual(server.peers.length, 1)
      assert.match(server.peers[0]?.received ?? "", /^GET \/path\?query HTTP/)
    }))

  for (const kind of ["http", "https"] as const) {
    it.scopedLive(`https goes through what the ${kind} proxy connects to, and TLS is with the server`, () =>
      Effect.gen(function*() {
        const server = yield* secure
        const proxy = yield* httpProxy(undefined, kind === "https" ? presenting(yield* leaf) : undefined)
        const delegate = ChallengeResolver.layer(yield* trusting)
        yield* withSession(
          { configuration: by(proxy.port, { scheme: kind }), delegate },
          (session) =>
            Effect.gen(function*() {
              for (let i = 0; i < 3; i++) {
                const [body, head] = yield* session.data(`https://localhost:${server.port}/`)
                assert.strictEqual(text(body), "secret")
                const connection = (yield* head.metrics).transactions[0]?.connection
                assert.strictEqual(connection?.trust?.host, "localhost")
                assert.strictEqual(connection?.remotePort, proxy.port)
              }
            })
        )
        assert.deepStrictEqual(proxy.asked.map(({ method, target }) => [method, target]), [
          ["CONNECT", `localhost:${server.port}`]
        ])
        assert.deepStrictEqual([...proxy.asked[0]?.fields.keys() ?? []].sort(), ["connection", "host"])
        yield* until(() => server.open() === 0 && proxy.open() === 0)
      }))
  }

  it.scopedLive("a large body comes through TLS inside TLS whole, up and down", () =>
    Effect.gen(function*() {
      const large = Buffer.alloc(1_000_000, "abcdefghij")
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`)
          peer.socket.write(large)
        },
        tls: presenting(yield* leaf)
      })
      const proxy = yield* httpProxy(undefined, presenting(yield* leaf))
      const delegate = ChallengeResolver.layer(yield* trusting)
      yield* withSession({ configuration: by(proxy.port, { scheme: "https" }), delegate }, (session) =>
        Effect.gen(function*() {
          const [body] = yield* session.upload(`https://localhost:${server.port}/`, RequestBody.bytes(large))
          assert.isTrue(large.equals(body))
        }))
    }))

  it.scopedLive("a certificate of an https proxy that is not trusted ends it before anything is asked", () =>
    Effect.gen(function*() {
      const proxy = yield* httpProxy(undefined, presenting(yield* leaf))
      yield* withSession(
        { configuration: by(proxy.port, { scheme: "https" }) },
        (session) => failsWith(session.data("https://name.test/"), "TlsError/ServerCertificateHasUnknownRoot")
      )
      assert.lengthOf(proxy.asked, 0)
    }))

  it.scopedLive("CFG-16 CFG-17 rules choose, by scheme and host, and leave out what they exclude", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hello")))
      const [first, second] = [yield* httpProxy(), yield* httpProxy()]
      const proxies = [
        Proxy.make({ host: "127.0.0.1", port: first.port, match: ["name.test"] }),
        Proxy.make({ host: "127.0.0.1", port: second.port, exclude: ["127.0.0.0/8"] })
      ]
      yield* withSession({ configuration: { proxies } }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`http://name.test:${server.port}/`)
          yield* session.data(`http://localhost:${server.port}/`)
          yield* session.data(`http://127.0.0.1:${server.port}/`)
        }))
      assert.deepStrictEqual([first, second].map((one) => one.asked.map(({ target }) => new URL(target).hostname)), [
        ["name.test"],
        ["localhost"]
      ])
    }))
})

describe("TRU-08 a proxy that wants to know who is there", () => {
  const kinds = {
    Basic: () => wantsBasic,
    Digest: wantsDigest
  } as const
  for (const method of ["Basic", "Digest"] as const) {
    for (const scheme of ["http", "https"] as const) {
      it.scopedLive(`${method} for ${scheme}: asked once, remembered, and never shown to the server`, () =>
        Effect.gen(function*() {
          const server = scheme === "https" ? yield* secure : yield* rawServer(answering(response("secret")))
          const proxy = yield* httpProxy(kinds[method]())
          const challenges: Array<AuthenticationChallenge> = []
          const answer = ChallengeResolver.forSpace(
            { origin: `http://127.0.0.1:${proxy.port}`, realm: "gate" },
            (challenge: AuthenticationChallenge) =>
              Effect.sync(() => {
                challenges.push(challenge)
                return Disposition.use(ada)
              })
          )
          const delegate = ChallengeResolver.layer({ ...yield* trusting, [method]: answer })
          yield* withSession({ configuration: by(proxy.port), delegate }, (session) =>
            Effect.gen(function*() {
              for (let i = 0; i < 2; i++) {
                assert.strictEqual(text((yield* session.data(`${scheme}://localhost:${server.port}/`))[0]), "secret")
                yield* session.flush
              }
            }))
          assert.deepStrictEqual(
            challenges.map((
              { previousFailureCount, space }
            ) => [space.isProxy, space.method, space.realm, previousFailureCount]),
            [[true, method, "gate", 0]]
          )
          assert.lengthOf(proxy.asked, 3)
          assert.isTrue(server.peers.every((peer) => !/proxy-auth|lovelace|ada/i.test(peer.received)))
        }))
    }
  }

  it.scopedLive("the credential of the configuration is given by default, once asked for", () =>
    Effect.gen(function*() {
      const server = yield* secure
      const proxy = yield* httpProxy(wantsBasic)
      const delegate = ChallengeResolver.layer(yield* trusting)
      yield* withSession(
        { configuration: by(proxy.port, { credential: ada }), delegate },
        (session) =>
          Effect.map(
            session.data(`https://localhost:${server.port}/`),
            ([body]) => assert.strictEqual(text(body), "secret")
          )
      )
      assert.deepStrictEqual(proxy.asked.map((asked) => asked.fields.get("proxy-authorization")), [undefined, basic])
    }))

  it.scopedLive("a wrong one is refused: ProxyFailed for a tunnel, the 407 itself for plain http", () =>
    Effect.gen(function*() {
      const proxy = yield* httpProxy(wantsBasic)
      const credential = Credential.password({ user: "ada", password: "wrong secret" })
      yield* withSession({ configuration: by(proxy.port, { credential }) }, (session) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data("https://name.test/"), "ConnectionError/ProxyFailed")
          assert.deepInclude(error.reason, { status: 407, proxy: `http://127.0.0.1:${proxy.port}` })
          assert.notMatch(`${error} ${JSON.stringify(error)}`, /wrong secret/)
          const [body, head] = yield* session.data("http://name.test/")
          assert.strictEqual(head.status, 407)
          assert.strictEqual(text(body), "no")
        }))
    }))

  for (const scheme of ["http", "https"] as const) {
    it.scopedLive(`407 for ever ends with TooManyRounds (${scheme})`, () =>
      Effect.gen(function*() {
        const proxy = yield* httpProxy(() => refusal("Basic realm=\"gate\""))
        const failures: Array<number> = []
        const delegate = ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(({ previousFailureCount }) =>
            Effect.sync(() => {
              failures.push(previousFailureCount)
              return Disposition.use(ada)
            })
          )
        })
        const configuration = { ...by(proxy.port), authenticationRoundLimit: 4 }
        yield* withSession({ configuration, delegate }, (session) =>
          failsWith(session.data(`${scheme}://name.test/`), "AuthenticationError/TooManyRounds"))
        assert.deepStrictEqual(failures, [0, 1, 2, 3])
        assert.lengthOf(proxy.asked, 5)
      }))
  }

  for (const scheme of ["http", "https"] as const) {
    it.scopedLive(`who took Digest is not given Basic, unless that is allowed (${scheme})`, () =>
      Effect.gen(function*() {
        const server = scheme === "https" ? yield* secure : yield* rawServer(answering(response("secret")))
        for (const allowsAuthenticationDowngrade of [false, true]) {
          const digest = wantsDigest()
          let weak = false
          const proxy = yield* httpProxy((asked) => weak ? wantsBasic(asked) : digest(asked))
          const delegate = ChallengeResolver.layer(yield* trusting)
          const configuration = { ...by(proxy.port, { credential: ada }), allowsAuthenticationDowngrade }
          yield* withSession({ configuration, delegate }, (session) =>
            Effect.gen(function*() {
              const get = session.data(`${scheme}://localhost:${server.port}/`)
              assert.strictEqual(text((yield* get)[0]), "secret")
              yield* session.flush
              weak = true
              if (allowsAuthenticationDowngrade) return assert.strictEqual(text((yield* get)[0]), "secret")
              const { reason } = yield* failsWith(get, "AuthenticationError/DowngradeRefused")
              if (reason._tag === "DowngradeRefused") assert.deepStrictEqual(reason.offered, ["Basic"])
              assert.isTrue(proxy.asked.every((asked) => asked.fields.get("proxy-authorization") !== basic))
              yield* session.reset
              assert.strictEqual(text((yield* get)[0]), "secret")
            }))
        }
      }))
  }

  it.scopedLive("a resolver of a task answers for its own requests only", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("secret")))
      const proxy = yield* httpProxy(wantsBasic)
      const own = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.use(ada)))
      })
      yield* withSession({ configuration: by(proxy.port) }, (session) =>
        Effect.gen(function*() {
          const get = Effect.map(session.data(`http://localhost:${server.port}/`), ([, head]) => head.status)
          assert.strictEqual(yield* get, 407)
          assert.strictEqual(yield* ChallengeResolver.provideTask(own)(get), 200)
          assert.strictEqual(yield* get, 407)
        }))
    }))

  it.scopedLive("50 requests at a time ask once", () =>
    Effect.gen(function*() {
      const server = yield* secure
      const proxy = yield* httpProxy(wantsBasic)
      let asked = 0
      const delegate = ChallengeResolver.layer({
        ...yield* trusting,
        Basic: ChallengeResolver.anyOrigin(() =>
          Effect.as(Effect.zipRight(Effect.sync(() => asked++), Effect.yieldNow()), Disposition.use(ada))
        )
      })
      yield* withSession({ configuration: by(proxy.port), delegate }, (session) =>
        Effect.all(
          Array.from({ length: 50 }, () => session.data(`https://localhost:${server.port}/`)),
          {
            concurrency: "unbounded"
          }
        ))
      assert.strictEqual(asked, 1)
    }))

  it.scopedLive("407 of a server inside the tunnel is a response, and nobody is asked", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ ...answering(refusal("Basic realm=\"trap\"")), tls: presenting(yield* leaf) })
      const direct = yield* rawServer(answering(refusal("Basic realm=\"trap\"")))
      const proxy = yield* httpProxy()
      const delegate = ChallengeResolver.layer({
        ...yield* trusting,
        Basic: ChallengeResolver.anyOrigin(() => Effect.die("asked"))
      })
      const configuration = by(proxy.port, { credential: ada, exclude: ["127.0.0.1"] })
      yield* withSession({ configuration, delegate }, (session) =>
        Effect.gen(function*() {
          for (const url of [`https://localhost:${server.port}/`, `http://127.0.0.1:${direct.port}/`]) {
            assert.strictEqual((yield* session.data(url))[1].status, 407)
          }
        }))
    }))
})

describe("proxies that fail, and those that lie", () => {
  const failing = (answer: string, scheme = "https") =>
    Effect.gen(function*() {
      const proxy = yield* httpProxy(() => answer)
      const error = yield* withSession({ configuration: by(proxy.port) }, (session) =>
        failsWith(session.data(`${scheme}://name.test/`), "ConnectionError/ProxyFailed"))
      yield* until(() =>
        proxy.open() === 0
      )
      return error
    })

  for (const status of ["401 Unauthorized", "302 Found", "502 Bad Gateway", "204 No Content"] as const) {
    it.scopedLive(`${status} to CONNECT`, () =>
      Effect.gen(function*() {
        const answer =
          `HTTP/1.1 ${status}\r\nLocation: http://127.0.0.1:1/\r\nWWW-Authenticate: Basic realm="x"\r\nSet-Cookie: a=b\r\n\r\n`
        if (status.startsWith("2")) {
          // any 2xx opens the tunnel (RFC 9110 9.3.6); here the proxy goes away then
          const proxy = yield* httpProxy(() => answer)
          const error = yield* withSession({ configuration: by(proxy.port) }, (session) =>
            Effect.flip(session.data("https://name.test/")))
          assert.include(["TlsError", "ConnectionError"], error._tag)
        } else {
          const error = yield* failing(answer)
          assert.deepInclude(error.reason, { status: Number(status.slice(0, 3)) })
        }
      }))
  }

  it.scopedLive("bytes behind the answer to CONNECT end the connection, also HTTP/2's or a TLS alert", () =>
    Effect.gen(function*() {
      for (const more of ["x", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "\x15\x03\x03\x00\x02\x02\x28"]) {
        const error = yield* failing(`HTTP/1.1 200 OK\r\n\r\n${more}`)
        assert.match(error.message, /sent more than its answer/)
      }
    }))

  it.scopedLive("an answer that is cut at any byte, or is no HTTP", () =>
    Effect.gen(function*() {
      const answer = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
      for (let length = 0; length < answer.length; length++) yield* failing(answer.slice(0, length))
      for (
        const noise of [
          "SSH-2.0-OpenSSH\r\n\r\n",
          "\x05\x00",
          "HTTP/1.1 2000 OK\r\n\r\n",
          `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`
        ]
      ) {
        yield* failing(noise)
      }
    }))

  it.scopedLive("one that is not there", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(httpProxy(), ({ port }) => port))
      yield* withSession({ configuration: by(gone) }, (session) =>
        Effect.gen(function*() {
          for (const scheme of ["http", "https"]) {
            const error = yield* failsWith(session.data(`${scheme}://name.test/`), "ConnectionError/ProxyFailed")
            assert.strictEqual(error.code, -1004)
          }
        }))
    }))

  it.scopedLive("Proxy-Authorization of a caller is refused: it is the connection's", () =>
    Effect.gen(function*() {
      const proxy = yield* httpProxy()
      yield* withSession({ configuration: by(proxy.port) }, (session) =>
        failsWith(
          session.data(
            HttpClientRequest.setHeader(HttpClientRequest.get("http://name.test/"), "proxy-authorization", "x")
          ),
          "InvalidRequest/InvalidHeader"
        ))
      assert.lengthOf(proxy.asked, 0)
    }))
})

describe("SOCKS 5 (RFC 1928, RFC 1929)", () => {
  for (const credential of [undefined, ada]) {
    it.scopedLive(`${credential === undefined ? "without" : "with"} a password, and the name is the proxy's to resolve`, () =>
      Effect.gen(function*() {
        const plain = yield* rawServer(answering(response("hello")))
        const server = yield* secure
        const proxy = yield* socksProxy(credential === undefined ? {} : { user: "ada", password: "lovelace" })
        const delegate = ChallengeResolver.layer(yield* trusting)
        yield* withSession(
          { configuration: by(proxy.port, { scheme: "socks5", credential }), delegate },
          (session) =>
            Effect.gen(function*() {
              assert.strictEqual(text((yield* session.data(`http://name.test:${plain.port}/`))[0]), "hello")
              assert.strictEqual(text((yield* session.data(`https://localhost:${server.port}/`))[0]), "secret")
              assert.strictEqual(text((yield* session.data(`https://127.0.0.1:${server.port}/`))[0]), "secret")
            })
        )
        assert.deepStrictEqual(proxy.asked.map(({ target }) => target), [
          `name.test:${plain.port}`,
          `localhost:${server.port}`,
          `127.0.0.1:${server.port}`
        ])
        // origin form: it is a connection to the server
        assert.match(plain.peers[0]?.received ?? "", /^GET \/ HTTP/)
      }))
  }

  it.scopedLive("what it refuses, and what is wrong with what it says, is ProxyFailed with the reason", () =>
    Effect.gen(function*() {
      const cases = [
        [yield* socksProxy({ user: "ada", password: "other" }), ada, /refused the user/],
        [
          yield* socksProxy({ user: "ada", password: "other" }),
          undefined,
          /takes no password|wants a user|makes no sense/
        ],
        [
          yield* socksProxy({ mangle: () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") }),
          undefined,
          /does not speak SOCKS 5/
        ],
        [
          yield* socksProxy({ mangle: (bytes, step) => step === 2 ? Buffer.concat([bytes, Buffer.from("x")]) : bytes }),
          undefined,
          /sent more than its answer/
        ],
        [
          yield* socksProxy({
            mangle: (bytes, step) => step === 2 ? Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]) : bytes
          }),
          undefined,
          /rules/
        ]
      ] as const
      const server = yield* rawServer(answering(response("hello")))
      for (const [proxy, credential, message] of cases) {
        const error = yield* withSession(
          { configuration: by(proxy.port, { scheme: "socks5", credential }) },
          (session) => failsWith(session.data(`http://127.0.0.1:${server.port}/`), "ConnectionError/ProxyFailed")
        )
        assert.match(error.message, message)
        assert.notMatch(error.message, /lovelace/)
      }
    }))

  it.scopedLive("an answer that is cut at any byte", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hello")))
      for (const [at, length] of [[0, 2], [2, 10]] as const) {
        for (let cut = 0; cut < length; cut++) {
          const proxy = yield* socksProxy({ mangle: (bytes, step) => step === at ? bytes.subarray(0, cut) : bytes })
          yield* withSession({ configuration: by(proxy.port, { scheme: "socks5" }) }, (session) =>
            failsWith(session.data(`http://127.0.0.1:${server.port}/`), "ConnectionError/ProxyFailed"))
        }
      }
    }))
})
