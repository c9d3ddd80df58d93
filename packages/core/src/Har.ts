/**
 * HAR 1.2: what a session did, as a document that the developer tools of browsers open. Secrets are taken out, and bodies left
 * out, unless they are asked for.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { HarCollector } from "./internal/har/collector.ts"
import { documentOf, entryOf, measuredEntry } from "./internal/har/document.ts"
import { makeRedaction, noRedaction } from "./internal/recorder/redaction.ts"
import type { TaskMetrics } from "./TaskMetrics.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface HarPair {
  readonly [custom: `_${string}`]: unknown
  readonly name: string
  readonly value: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface HarCookie extends HarPair {
  readonly path?: string
  readonly domain?: string
  readonly httpOnly?: boolean
  readonly secure?: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface HarRequest {
  readonly [custom: `_${string}`]: unknown
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly cookies: Array<HarCookie>
  readonly headers: Array<HarPair>
  readonly queryString: Array<HarPair>
  /** There where bodies were asked for. `_encoding` says where `text` is base64, for which HAR has no field. */
  readonly postData?: { readonly mimeType: string; readonly text: string; readonly _encoding?: "base64" }
  /** Bytes, or -1. */
  readonly headersSize: number
  readonly bodySize: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface HarResponse {
  readonly [custom: `_${string}`]: unknown
  /** 0: none came. */
  readonly status: number
  readonly statusText: string
  readonly httpVersion: string
  readonly cookies: Array<HarCookie>
  readonly headers: Array<HarPair>
  readonly content: {
    /** Bytes, decoded. */
    readonly size: number
    /** Bytes that the coding saved. */
    readonly compression?: number
    readonly mimeType: string
    readonly text?: string
    readonly encoding?: "base64"
  }
  readonly redirectURL: string
  readonly headersSize: number
  /** Bytes on the wire. */
  readonly bodySize: number
}

/**
 * Milliseconds; -1 for what is not known or did not happen. `ssl` is part of `connect`; all the others together are `time`.
 *
 * @since 0.1.0
 * @category models
 */
export interface HarTimings {
  readonly [custom: `_${string}`]: unknown
  readonly blocked: number
  readonly dns: number
  readonly connect: number
  readonly send: number
  readonly wait: number
  readonly receive: number
  readonly ssl: number
}

/**
 * One attempt of one task. Fields that begin with `_` are not of HAR, and viewers pass over them.
 *
 * @since 0.1.0
 * @category models
 */
export interface HarEntry {
  readonly [custom: `_${string}`]: unknown
  readonly startedDateTime: string
  readonly time: number
  readonly request: HarRequest
  readonly response: HarResponse
  readonly cache: Record<string, never>
  readonly timings: HarTimings
  readonly serverIPAddress?: string
  readonly connection?: string
  /** What the session decided, a line each, where `logDecisions` is on. */
  readonly comment?: string
  /** Unique in the session. */
  readonly _taskIdentifier?: number
  readonly _fetchType: string
  readonly _fromCache?: "memory"
  readonly _reused: boolean
  readonly _proxied: boolean
  readonly _tls?: { readonly protocol: string | undefined; readonly cipher: string | undefined }
  /** Why there is no whole response: the tags of the error and its reason. */
  readonly _error?: string
}

/**
 * The document.
 *
 * @since 0.1.0
 * @category models
 */
export interface HarDocument {
  readonly log: {
    readonly version: "1.2"
    readonly creator: { readonly name: string; readonly version: string }
    readonly pages: Array<never>
    readonly entries: Array<HarEntry>
    readonly comment?: string
  }
}

/**
 * What is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Keep bodies; off unless said. Those of responses are kept as they came, secrets included. */
  readonly bodies?: boolean
  /** Longer bodies are left out, in bytes; 1 MiB. */
  readonly maximumBodyBytes?: number
  /** Of all bodies together, in bytes; 64 MiB. */
  readonly maximumBytes?: number
  /** Of more entries the oldest are dropped; 10,000. */
  readonly maximumEntries?: number
  /** Hide nothing: credentials, cookies, and the caller's own fields too. Off unless said. */
  readonly showSecrets?: boolean
  /** Names of secrets, beside those that the `Recorder` knows. */
  readonly secretNames?: ReadonlyArray<string>
  /** Fields of requests whose values are no secret, beside those that the `Recorder` knows. */
  readonly publicFields?: ReadonlyArray<string>
}

/**
 * What a collector gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface HarService {
  /** Every attempt of the tasks that have completed, as it is now. */
  readonly document: Effect.Effect<HarDocument>
  /** Forgets all of it. */
  readonly clear: Effect.Effect<void>
}

/**
 * The collector. A session that is made where it is provided has all of its tasks collected.
 *
 * @since 0.1.0
 * @category services
 */
export class Har extends Context.Tag("@urlsession/core/Har")<Har, HarService>() {}

const mebibyte = 1024 * 1024

/**
 * A collector, for one session or for several.
 *
 * @example
 * ```ts
 * import { Har, UrlSession } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   yield* session.data("https://example.com/")
 *   const har = yield* Har.Har
 *   return Har.encode(yield* har.document)
 * })
 *
 * const SessionLive = UrlSession.layer().pipe(Layer.provideMerge(Har.layer()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Har> =>
  Layer.sync(Har, () =>
    new HarCollector({
      redaction: options.showSecrets === true
        ? noRedaction
        : makeRedaction(options.secretNames ?? [], options.publicFields ?? []),
      bodies: options.bodies ?? false,
      maximumBodyBytes: options.maximumBodyBytes ?? mebibyte,
      maximumBytes: options.maximumBytes ?? 64 * mebibyte,
      maximumEntries: Math.max(1, options.maximumEntries ?? 10_000)
    }))

/**
 * A document out of the metrics of tasks alone: timings, sizes, connections and decisions, without fields and bodies, and with
 * URLs whose query is hidden.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromMetrics = (...tasks: ReadonlyArray<TaskMetrics>): HarDocument =>
  documentOf(
    tasks.flatMap(({ decisions, taskInterval, transactions }) =>
      transactions.map((one, index) =>
        entryOf(measuredEntry(one, taskInterval.end), {
          measured: one,
          attempt: index,
          attempts: transactions.length,
          decisions: decisions ?? [],
          taskIdentifier: undefined
        })
      )
    )
  )

/**
 * The document as text, for a file whose name ends in `.har`.
 *
 * @since 0.1.0
 * @category codec
 */
export const encode = (document: HarDocument): string => JSON.stringify(document, undefined, 2)
