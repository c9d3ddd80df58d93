// Digest servers that change their minds, say too much or too little, or mean harm.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import { StrictServer } from "./authDigestServer.ts"
import {
  ada,
  always,
  Asked,
  authorizationOf,
  basicOf,
  basicServer,
  bob,
  digestParams,
  digests,
  DigestServer,
  sent,
  spaceOf,
  storageWith
} from "./authSupport.ts"
import { api, inTurn, nothingOpen, ok, requests, scripted } from "./support.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))
const params = Effect.map(sent, (all) => all.map(digestParams))

type Answer = (request: TestTransport.ReceivedRequest) => TestTransport.Script

const within = (answer: Answer) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provide(asAda), Effect.provide(digests), scripted(answer))

/** These challenges one after the other, then everybody is let in. */
const challenges = (...lines: ReadonlyArray<ReadonlyArray<string>>): Answer =>
  inTurn(...lines.map((each) => TestTransport.challenge(...each)), ok())

const digest = (more: string) => `Digest qop="auth", ${more}`

describe("a Digest server in the middle of an exchange", () => {
  for (
    const [what, second, expected] of [
      ["its nonce", `realm=r, nonce=m, algorithm=SHA-256, stale=true`, { nonce: "m", nc: "00000001" }],
      ["to a stronger algorithm", `realm=r, nonce=m, algorithm=SHA-512-256, stale=true`, { algorithm: "SHA-512-256" }],
      ["its opaque", `realm=r, nonce=n, algorithm=SHA-256, opaque=p, stale=true`, { opaque: "p", nc: "00000002" }],
      ["to userhash", `realm=r, nonce=n, algorithm=SHA-256, opaque=o, userhash=true, stale=true`, {
        userhash: "true",
        username: createHash("sha256").update("ada:r").digest("hex"),
        nc: "00000002"
      }]
    ] as const
  ) {
    it.scoped(`changes ${what}: is followed, and that is no failure (AUT-08)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const [, response] = yield* session.data(api)
        assert.strictEqual(response.status, 200)
        const last = (yield* params)[2]
        for (const [name, value] of Object.entries(expected)) assert.strictEqual(last?.get(name), value)
        assert.strictEqual(asked.count, 1)
      }).pipe(
        Effect.provide(ChallengeResolver.layer({ Digest: asked.answering(() => Disposition.use(ada)) })),
        Effect.provide(digests),
        scripted(challenges([digest("realm=r, nonce=n, algorithm=SHA-256, opaque=o")], [digest(second)]))
      )
    })
  }

  for (
    const [what, second, failures] of [
      ["to a weaker algorithm, stale or not", `realm=r, nonce=m, algorithm=MD5, stale=true`, 1],
      ["its realm, stale or not", `realm=s, nonce=m, algorithm=SHA-256, stale=true`, 0],
      ["its nonce, and does not say stale", `realm=r, nonce=m, algorithm=SHA-256`, 1]
    ] as const
  ) {
    it.scoped(`changes ${what}: whoever gave the credential is asked again (AUT-08)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(api)
        assert.deepStrictEqual(asked.challenges.map((one) => one.previousFailureCount), [0, failures])
      }).pipe(
        Effect.provide(ChallengeResolver.layer({ Digest: asked.answering(() => Disposition.use(ada)) })),
        Effect.provide(digests),
        scripted(challenges([digest("realm=r, nonce=n, algorithm=SHA-256")], [digest(second)]))
      )
    })
  }

  it.scoped("keeps saying stale: is given up after the rounds of the configuration, and nothing is left open", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "TooManyRounds")
      assert.strictEqual((yield* requests).length, 21)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(
      within((request) => TestTransport.challenge(digest(`realm=r, nonce="${request.index}", stale=true`)))
    ))

  it.scoped("keeps challenging: is given up as well, whoever answers", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "TooManyRounds")
    }).pipe(within((request) => TestTransport.challenge(digest(`realm=r, nonce="${request.index}"`)))))
})

describe("a request that is sent a second time after a lost connection", () => {
  it.scoped("has a count of its own: the server may have seen the first (CON-05)", () => {
    const server = new StrictServer({ credential: ada })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const [, response] = yield* session.data(`${api}lost`)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(server.verdicts, ["nobody", "", "", ""])
      assert.deepStrictEqual((yield* params).map((one) => one.get("nc")), [
        undefined,
        "00000001",
        "00000002",
        "00000003"
      ])
    }).pipe(within((request) => {
      const script = server.answer(request)
      return request.url.endsWith("lost") && !request.fresh ? TestTransport.lost({ reused: true }) : script
    }))
  })

  it.scoped("has one as well where the server would not say 100 Continue", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const request = HttpClientRequest.bodyText(HttpClientRequest.put(api), "a body")
      const [, response] = yield* session.data(request).pipe(RequestOptions.with({ expectContinue: true }))
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(server.verdicts, ["nobody", "", "", ""])
    }).pipe(within((request) => {
      const script = server.answer(request)
      return request.index === 2 ? TestTransport.respond(417) : script
    }))
  })

  it.scoped("is checked against the proof of what was sent last", () => {
    const server = new StrictServer({ credential: ada, proof: { where: "head" } })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual((yield* session.data(`${api}lost`))[1].status, 200)
    }).pipe(within((request) => {
      const script = server.answer(request)
      return request.url.endsWith("lost") && !request.fresh ? TestTransport.lost({ reused: true }) : script
    }))
  })

  it.scoped("without a credential is sent as it was, also after one that had one", () => {
    const server = basicServer(ada)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data("https://other.test/lost")
      assert.deepStrictEqual((yield* sent).slice(2), [undefined, undefined])
    }).pipe(
      within((request) =>
        request.url.endsWith("lost") ? request.fresh ? ok() : TestTransport.lost({ reused: true }) : server(request)
      )
    )
  })
})

describe("a challenge", () => {
  const answered = (line: string) =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      return { status: response.status, params: (yield* params)[1] }
    }).pipe(within(challenges([line])))

  for (
    const [what, line] of [
      ["without a nonce", digest("realm=r")],
      ["without a realm", digest("nonce=n")],
      ["with its nonce twice", digest("realm=r, nonce=n, nonce=m")],
      ["with its qop twice", digest("realm=r, nonce=n, qop=auth")],
      ["of an unknown algorithm", digest("realm=r, nonce=n, algorithm=SHA-3")],
      ["of unknown protection", "Digest realm=r, nonce=n, qop=\"auth-conf\""],
      ["with an open quote", digest("realm=r, nonce=\"n")]
    ] as const
  ) {
    it.scoped(`${what} is not answered: the 401 is delivered (PSP-07)`, () =>
      Effect.gen(function*() {
        const outcome = yield* answered(line)
        assert.deepStrictEqual(outcome, { status: 401, params: undefined })
      }))
  }

  it.scoped("of 60,000 characters is answered, and remembered in bounded space", () =>
    Effect.gen(function*() {
      const nonce = "n".repeat(60_000)
      const outcome = yield* answered(digest(`realm=r, nonce=${nonce}`))
      assert.strictEqual(outcome.params?.get("nonce"), nonce)
    }))

  it.scoped("in odd case is answered as usual", () =>
    Effect.gen(function*() {
      const outcome = yield* answered(`dIGEST REALM=r, NONCE="n", ALGORITHM=sHa-512-256-SESS, QOP="AUTH,AUTH-INT"`)
      assert.strictEqual(outcome.params?.get("algorithm"), "SHA-512-256-sess")
      assert.strictEqual(outcome.params?.get("qop"), "auth")
    }))

  const text = FastCheck.array(
    FastCheck.oneof(
      FastCheck.constantFrom("\"", "\\", ",", "=", " ", "\t", ""),
      FastCheck.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      FastCheck.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code))
    ),
    { maxLength: 20 }
  ).map((parts) => parts.join("").trim())

  it.effect.prop(
    "of any realm, nonce and opaque comes back as it was sent",
    [text, text, text],
    ([realm, nonce, opaque]) => {
      const quote = (value: string) => `"${value.replace(/["\\]/g, "\\$&")}"`
      return Effect.gen(function*() {
        const outcome = yield* answered(digest(`realm=${quote(realm)}, nonce=${quote(nonce)}, opaque=${quote(opaque)}`))
        // a control character other than HTAB ends all reading, and a field cannot carry a HTAB inside our quotes
        if (/\t/.test(realm + nonce + opaque)) return
        assert.strictEqual(outcome.params?.get("realm"), realm)
        assert.strictEqual(outcome.params?.get("nonce"), nonce)
        assert.strictEqual(outcome.params?.get("opaque"), opaque)
      }).pipe(Effect.scoped)
    },
    { fastCheck: { numRuns: 50 } }
  )
})

describe("several algorithms in one answer", () => {
  const offers = [
    digest("realm=r, nonce=x, algorithm=SHA-3"),
    digest("realm=r, nonce=s512, algorithm=SHA-512-256"),
    digest("realm=r, nonce=s256, algorithm=SHA-256"),
    digest("realm=r, nonce=md5, algorithm=MD5"),
    "Basic realm=r"
  ]

  for (
    const [how, lines, nonce] of [
      ["in fields of their own", offers, "s512"],
      ["in one field", [offers.join(", ")], "s512"],
      ["in the opposite order", [...offers].reverse(), "s256"],
      ["in the opposite order and one field", [[...offers].reverse().join(",")], "s256"]
    ] as const
  ) {
    it.scoped(`${how}: the first of the strongest is answered, unknown ones are not (TestURLProtectionSpace/test_challenge)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(api)
        assert.strictEqual((yield* params)[1]?.get("nonce"), nonce)
      }).pipe(within(challenges(lines))))
  }

  it.scoped("reject goes on from Digest to Basic, over all of its algorithms at once (AUT-07)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(bob)])
      assert.deepStrictEqual(asked.challenges.map((one) => one.space.method), ["Digest", "Basic"])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Digest: asked.answering(() => Disposition.reject),
        Basic: ChallengeResolver.anyOrigin(asked.answering(() => Disposition.use(bob)))
      })),
      Effect.provide(digests),
      scripted((request) =>
        authorizationOf(request) === undefined ? TestTransport.challenge(...offers) : basicServer(bob)(request)
      )
    )
  })
})

describe("domain (RFC 7616 3.3)", () => {
  for (
    const [domain, ahead, not] of [
      ["", ["/", "/any/where"], []],
      ["/docs", ["/docs", "/docs/", "/docs/a?b", "/other/../docs/x"], ["/", "/docsearch", "/docs/../x", "/Docs"]],
      ["/docs/", ["/docs/", "/docs/a/b"], ["/docs", "/doc"]],
      ["a ../b", ["/dir/a", "/b/c"], ["/dir/b", "/a"]],
      ["https://api.test/abs HTTPS://API.TEST:443/other", ["/abs/x", "/other"], ["/dir/else"]],
      ["/docs?query=1#fragment", ["/docs?another"], ["/doc"]],
      ["/docs https://evil.test/docs //evil.test/all http://api.test/plain", ["/docs"], ["/all", "/plain"]],
      ["https://evil.test/ https://[", ["/dir/x"], ["/other"]]
    ] as const
  ) {
    it.scoped(`"${domain}" covers what it names of its origin, by whole segments (AUT-13)`, () => {
      const server = new StrictServer({ credential: ada, more: `, domain="${domain}"` })
      return Effect.gen(function*() {
        const sentAhead = (url: string) =>
          Effect.gen(function*() {
            const session = yield* UrlSession.make()
            yield* session.data("https://api.test/dir/page")
            const before = (yield* sent).length
            yield* session.data(url)
            return (yield* sent)[before] !== undefined
          })
        for (const path of ahead) assert.isTrue(yield* sentAhead(`https://api.test${path}`), path)
        for (const path of not) assert.isFalse(yield* sentAhead(`https://api.test${path}`), path)
        for (const url of ["https://evil.test/docs", "http://api.test/docs", "https://api.test:8443/docs"]) {
          assert.isFalse(yield* sentAhead(url), url)
        }
      }).pipe(within(server.answer))
    })
  }

  it.scoped("does not move a stored default to another origin", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const [, response] = yield* session.data("https://evil.test/")
      assert.strictEqual(response.status, 401)
      assert.isUndefined((yield* sent)[2])
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Digest", "api")])),
      Effect.provide(digests),
      scripted(new DigestServer(ada, { more: ", domain=\"https://evil.test/ /\"" }).answer)
    ))
})
