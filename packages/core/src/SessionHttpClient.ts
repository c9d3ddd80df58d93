/**
 * `@effect/platform`'s `HttpClient` on a session: an app that is written for it gains challenges, pinning, progress and
 * metrics by one Layer.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as IncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { displayUrl } from "./internal/displayUrl.ts"
import { inSpan, RequestSpan, type Unread } from "./internal/session/requestSpan.ts"
import { type Attributes, ofRequest, requestField, shownFields } from "./internal/spanAttributes.ts"
import { RequestOptions } from "./RequestOptions.ts"
import * as SessionError from "./SessionError.ts"
import { shown } from "./SessionRequest.ts"
import type { SessionResponse } from "./SessionResponse.ts"
import { type Service, UrlSession } from "./UrlSession.ts"

const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"])

/** Whether no byte of the request can have been acted upon. */
const neverSent = (error: SessionError.ExchangeError): boolean => {
  if (error._tag !== "ConnectionError") return false
  const { reason } = error
  return reason._tag === "NetworkConnectionLost"
    ? !reason.requestSent || reason.unprocessed === true
    : reason._tag === "CannotFindHost" || reason._tag === "CannotConnectToHost" ||
      reason._tag === "NotConnectedToInternet"
}

/**
 * The platform's view of an error. `retryTransient` repeats whatever has the reason `Transport`, so only what may pass by
 * itself, and is safe to repeat, travels as that.
 */
const requestError = (
  request: HttpClientRequest.HttpClientRequest,
  error: SessionError.ExchangeError
): HttpClientError.RequestError => {
  const badUrl = error._tag === "InvalidRequest" &&
    (error.reason._tag === "BadURL" || error.reason._tag === "UnsupportedURL")
  const again = error.isTransient && (idempotent.has(request.method) || neverSent(error))
  return new HttpClientError.RequestError({
    // whoever prints the error has the request already, and the platform prints it with its query and its fields
    request: shown(request),
    reason: badUrl ? "InvalidUrl" : again ? "Transport" : "Encode",
    cause: error,
    description: error.message
  })
}

const families = [
  SessionError.InvalidRequest,
  SessionError.ConnectionError,
  SessionError.TimeoutError,
  SessionError.TlsError,
  SessionError.AuthenticationError,
  SessionError.RedirectError,
  SessionError.InvalidResponse,
  SessionError.BodyError,
  SessionError.SessionInvalidated,
  SessionError.Cancelled,
  SessionError.DelegateFailed
] as const

const isExchangeError = (value: unknown): value is SessionError.ExchangeError =>
  families.some((one) => value instanceof one)

/**
 * The session's own error behind an error of the platform's client; `None` for errors that are not a session's.
 *
 * @since 0.1.0
 * @category errors
 */
export const sessionError = (error: HttpClientError.HttpClientError): Option.Option<SessionError.ExchangeError> =>
  isExchangeError(error.cause) ? Option.some(error.cause) : Option.none()

const redirects = new Set([301, 302, 303, 307, 308])

/** The platform's response over a session's; `session` is the whole of it. */
class View extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [IncomingMessage.TypeId]: IncomingMessage.TypeId = IncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly session: SessionResponse
  readonly #span: RequestSpan | undefined
  #headers: Headers.Headers | undefined = undefined
  #cookies: Cookies.Cookies | undefined = undefined

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    session: SessionResponse,
    span: RequestSpan | undefined
  ) {
    super()
    this.request = request
    this.session = session
    this.#span = span
  }

  override toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status, url: displayUrl(this.session.url) }
  }
  get status(): number {
    return this.session.status
  }
  get url(): string {
    return this.session.url
  }
  get headers(): Headers.Headers {
    if (this.#headers !== undefined) return this.#headers
    const record: Record<string, string> = {}
    // a redirect that arrives here was refused; `HttpClient.followRedirects` would follow it, credentials and all
    const refused = redirects.has(this.status)
    for (const [name] of this.session.headers) {
      if (refused && name === "location") continue
      record[name] = this.session.headers.get(name) ?? ""
    }
    return this.#headers = Headers.fromInput(record)
  }
  get cookies(): Cookies.Cookies {
    return this.#cookies ??= Cookies.fromSetCookie(this.session.headers.getAll("set-cookie"))
  }
  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }
  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return this.#read(this.session.text)
  }
  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        try: (): unknown => text === "" ? null : JSON.parse(text),
        catch: (cause) => this.#failed(cause)
      }))
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.#bytes, (bytes) => {
      const copy = new ArrayBuffer(bytes.length)
      new Uint8Array(copy).set(bytes)
      return copy
    })
  }
  get formData(): HttpClientResponse.HttpClientResponse["formData"] {
    return Effect.flatMap(this.#bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new Response(bytes, { headers: { "content-type": this.headers["content-type"] ?? "" } }).formData(),
        catch: (cause) => this.#failed(cause)
      }))
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    const { stream } = this.session
    return Stream.mapError(this.#span?.streaming(stream) ?? stream, (cause) => this.#failed(cause))
  }
  get #bytes(): Effect.Effect<Uint8Array, HttpClientError.ResponseError> {
    return this.#read(this.session.bytes)
  }
  #read<A>(body: Effect.Effect<A, SessionError.ExchangeError>): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.mapError(this.#span?.reading(body) ?? body, (cause) => this.#failed(cause))
  }
  #failed(cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({ request: shown(this.request), response: this, reason: "Decode", cause })
  }
}

/**
 * The session's response behind a response of this client: metrics, trailers, typed body errors.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sessionResponse = (response: HttpClientResponse.HttpClientResponse): Option.Option<SessionResponse> =>
  response instanceof View ? Option.some(response.session) : Option.none()

/** Effect's own tracer, which shows its spans to nobody. */
const noTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Somebody has set a tracer, or the request is part of something that has a span; the tests are in the order of their cost. */
const isTraced = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  request: HttpClientRequest.HttpClientRequest
): boolean =>
  (fiber.currentTracer !== noTracer || fiber.currentSpan !== undefined) &&
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  !fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request)

const attributesOf = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  request: HttpClientRequest.HttpClientRequest
): Attributes => {
  const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
  const attributes = ofRequest(request.method, Either.getOrUndefined(url))
  const fields = Headers.redact(request.headers, fiber.getFiberRef(Headers.currentRedactedNames))
  const { publicFields } = Context.get(fiber.currentContext, RequestOptions)
  for (const name of shownFields(request.headers, publicFields)) attributes[requestField(name)] = String(fields[name])
  return attributes
}

type Executed = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

const sent = (session: Service, request: HttpClientRequest.HttpClientRequest, span: RequestSpan) =>
  Effect.flatMap(FiberRef.get(HttpClient.currentTracerPropagation), (propagates) =>
    span.head(session.execute(
      propagates ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span.span)) : request
    )))

const executed = (
  session: Service,
  request: HttpClientRequest.HttpClientRequest,
  span: RequestSpan | undefined
): Executed =>
  Effect.mapBoth(span === undefined ? session.execute(request) : sent(session, request, span), {
    onFailure: (error) => requestError(request, error),
    onSuccess: (response): HttpClientResponse.HttpClientResponse => new View(request, response, span)
  })

/** The response is given up when the signal says so. */
const endedBy = (signal: AbortSignal, effect: Executed): Executed =>
  Effect.tap(effect, (view) =>
    Effect.suspend(() => {
      if (!(view instanceof View)) return Effect.void
      if (signal.aborted) return Effect.zipRight(view.session.cancel, Effect.interrupt)
      signal.addEventListener("abort", () => Effect.runSync(view.session.cancel), { once: true })
      return Effect.void
    }))

/** Where `HttpClient.withScope` leaves the signal of a request whose response ends with a Scope. */
const scopedRequests = globalValue(
  "@effect/platform/HttpClient/scopedRequests",
  () => new WeakMap<HttpClientRequest.HttpClientRequest, { readonly signal: AbortSignal }>()
)

/** That table is an inside of the platform's, so it is tried whether it is the one. */
const knowsScopedRequests = (): boolean => {
  let known = false
  const client = HttpClient.makeWith<never, never, void, never>(
    Effect.flatMap((request) => {
      known = scopedRequests.has(request)
      return Effect.fail(undefined)
    }),
    Effect.succeed
  )
  Effect.runSync(Effect.ignore(Effect.scoped(HttpClient.withScope(client).get("/"))))
  return known
}

const clientOf = (session: Service, unread: Unread): HttpClient.HttpClient => {
  // a client of `make` is handed the signal, too, but costs more than the whole request does
  const withSignal = knowsScopedRequests() ?
    undefined :
    HttpClient.make((request, _url, signal, fiber) => endedBy(signal, executed(session, request, RequestSpan.of(fiber))) // the platform's own span would carry the whole URL, with user info and query
    ).pipe(HttpClient.withTracerDisabledWhen(() => true))
  const run = (
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    request: HttpClientRequest.HttpClientRequest,
    span: RequestSpan | undefined
  ): Executed => {
    if (!fiber.currentContext.unsafeMap.has(Scope.Scope.key)) return executed(session, request, span)
    if (withSignal !== undefined) return withSignal.execute(request)
    const controller = scopedRequests.get(request)
    const effect = executed(session, request, span)
    return controller === undefined ? effect : endedBy(controller.signal, effect)
  }
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    (effect) =>
      Effect.flatMap(
        effect,
        (request) =>
          Effect.withFiberRuntime<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((fiber) =>
            isTraced(fiber, request)
              ? inSpan(
                Context.get(fiber.currentContext, HttpClient.SpanNameGenerator)(request),
                attributesOf(fiber, request),
                unread,
                (span) => run(fiber, request, span)
              )
              : run(fiber, request, undefined)
          )
      ),
    Effect.succeed
  )
}

/**
 * A client on a session. Each request is a span where a tracer has been set, or where the caller has a span; it ends when the
 * body has been read or given up.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (session: Service): HttpClient.HttpClient => clientOf(session, new Set())

/**
 * The client of the session in the context.
 *
 * @example
 * ```ts
 * import { SessionHttpClient, UrlSession } from "@urlsession/core"
 * import { Layer } from "effect"
 *
 * const HttpClientLive = SessionHttpClient.layer.pipe(Layer.provide(UrlSession.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, UrlSession> = Layer.scoped(
  HttpClient.HttpClient,
  Effect.gen(function*() {
    const unread: Unread = new Set()
    // a span that is still open when the program ends would never be exported
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const span of [...unread]) span.giveUp()
      })
    )
    return clientOf(yield* UrlSession, unread)
  })
)
