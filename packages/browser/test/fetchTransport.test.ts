// The fetch transport in a real browser: what it refuses to send, what it can say of a failure, and what it hands to `fetch`.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, inject, it } from "@effect/vitest"
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import type * as Capability from "@urlsession/core/Capability"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as Resolver from "@urlsession/core/Resolver"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { answering, failsWith, withSession } from "./support.ts"

const { http: origin } = inject("conformance")

describe("what fetch would drop in silence is InvalidRequest", () => {
  const dropped = {
    cookie: "credentials",
    "user-agent": "the browser names itself",
    "accept-encoding": "undoes them, by itself",
    date: "lets no program set it",
    "sec-custom": "lets no program set it"
  }
  for (const [name, why] of Object.entries(dropped)) {
    it.live(`the field ${name}, and the message says why`, () =>
      withSession({}, (session) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.setHeader(HttpClientRequest.get(`${origin}/echo`), name, "x")
          const error = yield* failsWith(session.data(request), "InvalidRequest/InvalidHeader")
          assert.deepInclude(error.reason, { name })
          assert.include(error.message, why)
        })))
  }

  it.live("a configured field as well", () =>
    withSession(
      {},
      (session) => failsWith(session.data(`${origin}/echo`), "InvalidRequest/InvalidHeader"),
      { httpAdditionalHeaders: { "User-Agent": "urlsession" } }
    ))

  it.live("a value that names a method nobody may use", () =>
    withSession({}, (session) => {
      const request = HttpClientRequest.setHeader(
        HttpClientRequest.get(`${origin}/echo`),
        "x-http-method-override",
        "TRACE"
      )
      return failsWith(session.data(request), "InvalidRequest/InvalidHeader")
    }))

  it.scopedLive("a method that fetch has not got", () =>
    Effect.gen(function*() {
      const tracing = Interceptor.make((request, proceed) => proceed({ ...request, method: "TRACE" }))
      const session = yield* UrlSession.make().pipe(
        Effect.provide(Layer.merge(FetchTransport.layer, Interceptor.layer(tracing)))
      )
      const error = yield* failsWith(session.data(`${origin}/echo`), "InvalidRequest/InvalidMethod")
      assert.include(error.message, "TRACE")
      assert.include(error.message, "fetch")
    }))

  it.live("a HEAD with a body", () =>
    withSession({}, (session) => {
      const request = HttpClientRequest.bodyText(HttpClientRequest.head(`${origin}/echo`), "x")
      return failsWith(session.data(request), "InvalidRequest/GetWithBody")
    }))
})

describe("what cannot be told of a failure is not", () => {
  it.live("a port that fetch connects to for nobody is said to be one", () =>
    withSession({}, (session) =>
      Effect.gen(function*() {
        const error = yield* failsWith(session.data("http://127.0.0.1:6667/"), "InvalidRequest/SecurityPolicyViolation")
        assert.include(error.message, "port 6667")
      })))

  it.live("everything else lists what it may be, and keeps the cause", () =>
    withSession({}, (session) =>
      Effect.gen(function*() {
        const error = yield* failsWith(session.data(inject("conformance").refused), "ConnectionError/Unknown")
        for (const word of ["CORS", "name", "refused", "certificate", "redirect"]) assert.include(error.message, word)
        assert.instanceOf(error.cause, TypeError)
        assert.isFalse(error.isTransient)
      })))

  it.live("a browser that is offline is NotConnectedToInternet", () =>
    withSession({}, (session) =>
      Effect.acquireUseRelease(
        Effect.sync(() => Object.defineProperty(navigator, "onLine", { value: false, configurable: true })),
        () =>
          Effect.gen(function*() {
            const error = yield* failsWith(
              session.data(inject("conformance").refused),
              "ConnectionError/NotConnectedToInternet"
            )
            assert.isTrue(error.isTransient)
          }),
        () => Effect.sync(() => Reflect.deleteProperty(navigator, "onLine"))
      )))

  it.live("a redirect, where redirects are errors, is one", () =>
    withSession(
      { redirects: "error" },
      (session) => failsWith(session.data(`${origin}/redirect/302/1`), "ConnectionError/Unknown")
    ))
})

describe("what is handed to fetch", () => {
  it.effect("are the options, and nothing where nothing is said", () =>
    Effect.gen(function*() {
      const silent = answering(() => new Response("ok"))
      yield* withSession({ fetch: silent.fetch }, (session) => session.data("http://origin.test/"))
      const [bare] = silent.requests
      assert.deepInclude(bare, { credentials: "same-origin", cache: "default", redirect: "follow", method: "GET" })
      const told = answering(() => new Response("ok"))
      yield* withSession(
        { fetch: told.fetch, credentials: "include", cache: "no-store", redirects: "error" },
        (session) => session.data("http://origin.test/")
      )
      assert.deepInclude(told.requests[0], { credentials: "include", cache: "no-store", redirect: "error" })
    }))

  it.effect("is the URL without user info, whose name and password stay here", () =>
    Effect.gen(function*() {
      const { fetch, requests } = answering(() => new Response("ok"))
      yield* withSession({ fetch }, (session) => session.data("http://ada:secret@origin.test/path"))
      assert.strictEqual(requests[0]?.url, "http://origin.test/path")
    }))

  it.effect("is the fetch of the moment, where no other is given", () =>
    withSession({}, (session) => {
      const { fetch, requests } = answering(() => new Response("replaced"))
      const before = globalThis.fetch
      return Effect.acquireUseRelease(
        Effect.sync(() => {
          globalThis.fetch = fetch
        }),
        () => Effect.map(session.data("http://origin.test/"), () => assert.strictEqual(requests.length, 1)),
        () =>
          Effect.sync(() => {
            globalThis.fetch = before
          })
      )
    }))
})

describe("a session that asks for what fetch does not show", () => {
  /** The message of the defect that a session dies of. */
  const defectOf = <R>(session: Effect.Effect<unknown, never, R>) =>
    Effect.map(Effect.exit(session), (exit) => {
      const [defect] = Exit.isFailure(exit) ? [...Cause.defects(exit.cause)] : []
      return String(defect)
    })

  it.scoped("with an AddressPolicy is a defect: nobody would be asked", () =>
    Effect.gen(function*() {
      const session = UrlSession.make().pipe(
        Effect.provide(Layer.merge(FetchTransport.layer, AddressPolicy.publicOnly))
      )
      assert.include(yield* defectOf(session), "AddressPolicy")
    }))

  it.scoped("with a Resolver, or an address of its own, is a defect: neither would be used", () =>
    Effect.gen(function*() {
      const resolving = UrlSession.make().pipe(
        Effect.provide(Layer.merge(FetchTransport.layer, Resolver.layer(() => Effect.succeed([]))))
      )
      assert.include(yield* defectOf(resolving), "Resolver")
      const configuration = SessionConfiguration.make({ localAddress: "127.0.0.1" })
      const bound = UrlSession.make(configuration).pipe(Effect.provide(FetchTransport.layer))
      assert.include(yield* defectOf(bound), "localAddress")
    }))

  it.scoped("with bounds on TLS is a defect: they would not hold", () =>
    Effect.gen(function*() {
      const configuration = SessionConfiguration.make({ tlsMinimumVersion: "TLSv1.3" })
      const session = UrlSession.make(configuration).pipe(Effect.provide(FetchTransport.layer))
      assert.include(yield* defectOf(session), "TLS")
    }))

  it.scoped("with a RedirectHandler is a defect, where another platform's capability made it compile", () =>
    Effect.gen(function*() {
      const elsewhere: Layer.Layer<Capability.RedirectControl> = Layer.succeedContext(
        Context.unsafeMake<Capability.RedirectControl>(new Map())
      )
      const session = UrlSession.make().pipe(
        Effect.provide(RedirectHandler.none),
        Effect.provide(Layer.merge(FetchTransport.layer, elsewhere))
      )
      assert.include(yield* defectOf(session), "RedirectControl")
    }))

  it.effect("finds no capability", () =>
    Effect.gen(function*() {
      const transport = yield* Effect.provide(Transport, FetchTransport.layer)
      assert.deepStrictEqual([transport.platform, transport.capabilities.size], ["fetch", 0])
    }))
})
