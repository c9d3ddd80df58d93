/** What the tests of the cache share: a server that is a list of answers, a session with a cache, and how to ask twice. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type { SessionResponse } from "@urlsession/core/SessionResponse"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"

/** Where the clock of these tests begins: 2030-01-01. */
export const epoch = Date.UTC(2030, 0, 1)

export const url = "https://cache.test/thing"

export type Fields = Readonly<Record<string, string>> | ReadonlyArray<readonly [string, string]>

/** An HTTP date, so many seconds from the beginning. */
export const at = (seconds: number): string => new Date(epoch + seconds * 1000).toUTCString()

export const pause = (seconds: number): Effect.Effect<void> => TestClock.adjust(Duration.seconds(seconds))

/** An answer whose body says how many requests the server had got before. */
export const answer = (fields: Fields, status = 200) => (request: TestTransport.ReceivedRequest) =>
  TestTransport.respond(status, { headers: entries(fields), body: status === 204 ? "" : `body ${request.index}` })

const entries = (fields: Fields): Iterable<readonly [string, string]> =>
  Symbol.iterator in fields ? fields : Object.entries(fields)

/** 304 where the request names the tag, the whole otherwise. */
export const validating =
  (etag: string, fields: Fields, freshened: Fields = fields) =>
  (request: TestTransport.ReceivedRequest): TestTransport.Script =>
    request.header("if-none-match") === etag
      ? TestTransport.respond(304, { headers: [...entries(freshened), ["etag", etag]] })
      : TestTransport.respond(200, { headers: [...entries(fields), ["etag", etag]], body: `body ${request.index}` })

export type Answer = (request: TestTransport.ReceivedRequest) => TestTransport.Script

export interface Asking {
  readonly url?: string
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH"
  readonly headers?: Readonly<Record<string, string>>
  readonly options?: RequestOptions.RequestOptionsRecord
}

export interface Got {
  readonly status: number
  readonly body: string
  readonly header: (name: string) => string | undefined
  readonly response: SessionResponse
}

/** Asks once. */
export const ask = (asking: Asking = {}): Effect.Effect<Got, unknown, UrlSession.UrlSession> =>
  Effect.flatMap(UrlSession.UrlSession, (session) => {
    const request = HttpClientRequest.make(asking.method ?? "GET")(asking.url ?? url).pipe(
      HttpClientRequest.setHeaders(asking.headers ?? {})
    )
    return Effect.map(
      RequestOptions.with(asking.options ?? {})(session.data(request)),
      ([bytes, response]): Got => ({
        status: response.status,
        body: new TextDecoder().decode(bytes),
        header: (name) => response.headers.get(name),
        response
      })
    )
  })

export const requests = Effect.flatMap(TestTransport.TestTransport, (transport) => transport.requests)
export const count = Effect.map(requests, (all) => all.length)

type Provided =
  | UrlSession.UrlSession
  | UrlCache.UrlCache
  | Layer.Layer.Success<ReturnType<typeof TestTransport.layer>>

/** Runs a test over a server that answers so, with a cache. */
export const caching = (
  answers: Answer,
  options: UrlCache.Options & { readonly policy?: UrlCache.CachePolicy } = {}
) =>
<A, E>(test: Effect.Effect<A, E, Provided>) =>
  Effect.zipRight(TestClock.setTime(epoch), test).pipe(
    Effect.provide(
      UrlSession.layer(SessionConfiguration.make({ requestCachePolicy: options.policy ?? "useProtocolCachePolicy" }))
        .pipe(
          Layer.provideMerge(UrlCache.layerMemory({ memoryCapacity: 1024 * 1024, ...options })),
          Layer.provideMerge(TestTransport.layer({ answer: answers }))
        )
    )
  )
