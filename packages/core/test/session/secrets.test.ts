// No secret in anything that a program may print: logs, spans, events, errors, causes, and every public value.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import { CredentialStorage } from "@urlsession/core/CredentialStorage"
import * as Disposition from "@urlsession/core/Disposition"
import * as Har from "@urlsession/core/Har"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import type * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type * as SessionError from "@urlsession/core/SessionError"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import { type Input, toCurl } from "@urlsession/core/SessionRequest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { Asked, authorizationOf, base64, digests, DigestServer, storageWith } from "./authSupport.ts"
import { Recorder, scripted } from "./support.ts"
import { certificate } from "./trustSupport.ts"

const password = "hunter2-pässwörd"
const urlPassword = "tr0ub4dor&3"
const token = "tok-5f2c9e"
const signature = "sig-a41d77"
const cookie = "sid-93be01"
const form = "form-77aa10"

const user = Credential.password({ user: "ada", password })
const latin1 = (text: string) => Buffer.from(text, "latin1").toString("base64")

const secrets = [
  password,
  encodeURIComponent(password),
  base64(password),
  base64(`ada:${password}`),
  latin1(`ada:${password}`),
  urlPassword,
  encodeURIComponent(urlPassword),
  base64(urlPassword),
  base64(`grace:${urlPassword}`),
  token,
  base64(token),
  signature,
  base64(signature),
  cookie,
  form
]

/** Every form in which a value may end up in a log. */
const printed = (value: unknown): ReadonlyArray<string> => {
  const texts = [
    inspect(value, { depth: 20, maxStringLength: null, maxArrayLength: null }),
    inspect(value, { depth: 20, getters: true, maxStringLength: null }),
    JSON.stringify(value) ?? "",
    String(value)
  ]
  if (Cause.isCause(value)) texts.push(Cause.pretty(value, { renderErrorCause: true }))
  if (value instanceof Error) {
    texts.push(value.message, value.stack ?? "", ...Object.keys(value), inspect({ ...value }, { depth: 20 }))
  }
  return texts
}

const clean = (what: string, value: unknown): void => {
  for (const text of printed(value)) {
    for (const secret of secrets) {
      if (text.includes(secret)) assert.fail(`${what} shows ${secret} in ${text.slice(0, 2000)}`)
    }
  }
}

/** A tracer and a logger that keep everything. */
const watching = () => {
  const seen: Array<unknown> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind, options) => {
      const attributes = new Map<string, unknown>(Object.entries(options?.attributes ?? {}))
      seen.push(name, attributes)
      return {
        _tag: "Span",
        name,
        spanId: "1",
        traceId: "1",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links,
        sampled: true,
        kind,
        end: (_end, exit) => {
          if (Exit.isFailure(exit)) seen.push(exit.cause, Cause.pretty(exit.cause))
        },
        attribute: (key, value) => {
          attributes.set(key, value)
        },
        event: (event, _at, more) => {
          seen.push(event, more)
        },
        addLinks: () => undefined
      }
    },
    context: (f) => f()
  })
  const logger = Logger.make<unknown, void>((entry) => {
    seen.push(entry.message, entry.cause, Cause.pretty(entry.cause), [...entry.annotations])
  })
  const layer = Layer.mergeAll(
    Logger.replace(Logger.defaultLogger, logger),
    Logger.minimumLogLevel(LogLevel.All),
    Layer.setTracer(tracer)
  )
  return { seen, layer }
}

/** Sends a request in every form that there is, and looks at all that can be seen of it. */
const exposed = (
  name: string,
  input: Input,
  answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script,
  options: {
    readonly disposition?: (asked: Asked) => Disposition.Disposition
    readonly faults?: ReadonlyArray<SessionError.CertificateFault>
    readonly configuration?: SessionConfiguration.SessionConfiguration
  } = {}
) =>
  it.scoped(name, () => {
    const recorder = new Recorder()
    const asked = new Asked()
    const { layer, seen } = watching()
    const resolve = asked.answering(() => options.disposition?.(asked) ?? Disposition.performDefault)
    const delegate = Layer.mergeAll(
      recorder.layer,
      ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(resolve), Digest: resolve })
    )
    return Effect.gen(function*() {
      const session = yield* UrlSession.make(options.configuration)
      clean("the session", session)
      const look = (what: string, exit: Exit.Exit<unknown, unknown>) => {
        clean(what, exit)
        if (Exit.isSuccess(exit)) return clean(what, exit.value)
        clean(`${what}: cause`, exit.cause)
        for (const error of [...Cause.failures(exit.cause), ...Cause.defects(exit.cause)]) {
          clean(`${what}: error`, error)
        }
      }
      look("data", yield* Effect.exit(Effect.withSpan(session.data(input), "data")))
      look("execute", yield* Effect.exit(session.execute(input)))
      const logged = yield* Effect.exit(session.data(input).pipe(RequestOptions.with({ logDecisions: true })))
      if (Exit.isSuccess(logged)) clean("decisions", yield* logged.value[1].decisions)
      clean("an explanation", yield* Effect.exit(session.explain(input)))
      clean("a command", toCurl(input, { secretNames: ["again"] }))
      const task = yield* Effect.exit(session.dataTask(input))
      look("task", task)
      if (Exit.isSuccess(task)) {
        const handle = task.value
        clean("all tasks", yield* session.allTasks)
        look("task.data", yield* Effect.exit(handle.data))
        clean("the task afterwards", handle)
        clean("task parts", [
          yield* handle.currentRequest,
          yield* handle.snapshot,
          yield* handle.error,
          yield* handle.metrics,
          handle.originalRequest
        ])
      }
      if (typeof input !== "string" && !(input instanceof URL)) {
        const client = SessionHttpClient.make(session)
        const through = Effect.flatMap(client.execute(input), (response) => {
          clean("the platform's response", response)
          return response.text
        })
        // without a Scope, and with one, which goes through the platform's own client and its span
        look(
          "HttpClient",
          yield* Effect.exit(through.pipe(Effect.mapInputContext((_: Context.Context<never>) => Context.empty())))
        )
        look("HttpClient in a Scope", yield* Effect.exit(Effect.scoped(HttpClient.withScope(client).execute(input))))
        look("HttpClient in a scope", yield* Effect.exit(Effect.scoped(through)))
      }
      yield* Effect.logError("the end", yield* session.allTasks, asked.challenges)
      clean("challenges", asked.challenges)
      clean("events", recorder.events)
      clean("a HAR document", yield* (yield* Har.Har).document)
      clean("storage", yield* (yield* CredentialStorage).allCredentials)
      for (const one of seen) clean("a log or a span", one)
    }).pipe(
      Effect.provide(delegate),
      Effect.provide(Har.layer({ secretNames: ["again"] })),
      Effect.provide(storageWith()),
      Effect.provide(digests),
      Effect.provide(TestTransport.layer({
        answer,
        trust: (host, port) => TestTransport.presented(host, port, options.faults ?? [], [certificate("leaf")])
      })),
      Effect.provide(layer)
    )
  })

const signed = `https://api.test/file?X-Signature=${signature}`
const withUser = `https://grace:${encodeURIComponent(urlPassword)}@api.test/file?X-Signature=${signature}`
const lost = () => TestTransport.lost()
const never = TestTransport.challenge("Basic realm=\"api\", charset=\"UTF-8\"")
const basic = (request: TestTransport.ReceivedRequest) =>
  request.authorization === undefined ? never : TestTransport.respond(200, { body: "in" })

describe("secrets stay out of everything printable", () => {
  exposed("Basic that works", signed, basic, { disposition: () => Disposition.use(user) })
  exposed(
    "Basic in Latin-1",
    signed,
    (request) =>
      request.authorization === undefined ? TestTransport.challenge("Basic realm=\"api\"") : TestTransport.respond(200),
    {
      disposition: () => Disposition.use(user)
    }
  )
  exposed("Basic that is refused and then cancelled", signed, () => never, {
    disposition: (asked) => asked.count > 1 ? Disposition.cancel : Disposition.use(user)
  })
  exposed("Basic for ever: TooManyRounds", signed, () => never, { disposition: () => Disposition.use(user) })
  exposed(
    "Basic that is let in, and then the connection is lost",
    signed,
    (request) => request.authorization === undefined ? never : lost(),
    { disposition: () => Disposition.use(user) }
  )
  exposed("a credential that cannot be used", signed, () => never, {
    disposition: () => Disposition.use(Credential.password({ user: "a:b", password }))
  })
  const server = new DigestServer(user)
  exposed("Digest", signed, server.answer, { disposition: () => Disposition.use(user) })
  exposed(
    "Digest that is refused",
    signed,
    new DigestServer(Credential.password({ user: "ada", password: "x" })).answer,
    {
      disposition: (asked) => asked.count > 1 ? Disposition.cancel : Disposition.use(user)
    }
  )
  exposed("user info in the URL that works", withUser, basic)
  exposed("user info in the URL that is refused", withUser, () => never)
  exposed("user info in the URL, and the connection is lost", withUser, lost)
  exposed("user info in the URL of a platform request", HttpClientRequest.get(withUser), basic)
  exposed(
    "user info in the URL of a platform request, and the connection is lost",
    HttpClientRequest.get(withUser),
    lost
  )
  exposed(
    "a bearer token, a cookie and a signed query",
    HttpClientRequest.get(signed).pipe(
      HttpClientRequest.bearerToken(token),
      HttpClientRequest.setHeader("cookie", `sid=${cookie}`),
      HttpClientRequest.setUrlParam("again", signature)
    ),
    basic
  )
  exposed(
    "a bearer token, a cookie and a signed query, and the connection is lost",
    HttpClientRequest.get(signed).pipe(
      HttpClientRequest.bearerToken(token),
      HttpClientRequest.setHeader("cookie", `sid=${cookie}`),
      HttpClientRequest.setUrlParam("again", signature)
    ),
    lost
  )
  exposed(
    "a form, and the connection is lost in mid-body",
    HttpClientRequest.post(signed).pipe(HttpClientRequest.bodyText(`password=${form}`)),
    () => [...TestTransport.head(200, {}, 100), ...TestTransport.bytes("half"), ...lost()]
  )
  exposed(
    "a server that is not trusted",
    HttpClientRequest.get(withUser).pipe(HttpClientRequest.bearerToken(token)),
    basic,
    {
      faults: ["UnknownRoot"]
    }
  )
  exposed(
    "redirects without end",
    HttpClientRequest.get(signed).pipe(HttpClientRequest.bearerToken(token)),
    () => TestTransport.redirect(302, `https://ada:${urlPassword}@api.test/next?X-Signature=${signature}`)
  )
  exposed(
    "a redirect to another origin",
    HttpClientRequest.get(signed).pipe(HttpClientRequest.bearerToken(token)),
    (request) =>
      request.url.startsWith("https://api.test")
        ? TestTransport.redirect(302, `https://other.test/?X-Signature=${signature}`)
        : TestTransport.respond(200)
  )
  exposed(
    "a redirect to nowhere",
    signed,
    () => TestTransport.redirect(302, `https://ada:${urlPassword}@[/?X-Signature=${signature}`)
  )
  exposed(
    "a redirect to a scheme that is not served",
    signed,
    () => TestTransport.redirect(302, `ftp://ada:${urlPassword}@api.test/?X-Signature=${signature}`)
  )
  exposed("a URL that is none", `https://ada:${urlPassword}@api.test:99999/?X-Signature=${signature}`, basic)
  exposed("a scheme that is not served", `ftp://ada:${urlPassword}@api.test/?X-Signature=${signature}`, basic)
  exposed("a GET with a body", HttpClientRequest.get(withUser).pipe(HttpClientRequest.bodyText(form)), basic)
  exposed(
    "a field that cannot be sent",
    HttpClientRequest.get(withUser).pipe(HttpClientRequest.setHeader("x-token", `${token}\r\nx: y`)),
    basic
  )
  exposed(
    "an answer that is not JSON, and a session that ends",
    signed,
    () => TestTransport.respond(200, { body: `{"password": ${form}` })
  )
})

describe("a failing handler is reported without the request's secrets", () => {
  it.scoped("in the log", () => {
    const { layer, seen } = watching()
    const failing = new Recorder()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(withUser)
      yield* session.finishTasksAndInvalidate
      for (const one of seen) clean("the log", one)
      clean("events", failing.events)
    }).pipe(Effect.provide(failing.layer), scripted(basic), Effect.provide(layer))
  })
})

describe("values that carry a secret say that they do", () => {
  it("a credential, a disposition and a proposal print their user only", () => {
    clean("a credential", user)
    clean("a disposition", Disposition.use(user))
    clean("an option", Option.some(user))
    assert.include(inspect(user), "<redacted>")
    assert.include(JSON.stringify(user), "<redacted>")
  })

  it.scoped("what the scripted transport received shows no secret either", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://grace:tr0ub4dor%263@api.test/")
      const transport = yield* TestTransport.TestTransport
      const received = yield* transport.requests
      clean("a received request", received)
      assert.strictEqual(authorizationOf(received[1]), `Basic ${base64(`grace:${urlPassword}`)}`)
    }).pipe(scripted(basic)))
})
