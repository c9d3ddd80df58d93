/**
 * Effect `Metric`s of a session under the names that OpenTelemetry gives to HTTP clients, for any exporter of Effect's metrics.
 * A session measures into them where the Layer is provided when it is made, and nothing is counted otherwise.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as metrics from "./internal/metrics/definitions.ts"
import { MetricsCollector } from "./internal/metrics/metricsCollector.ts"

/**
 * How finely is told apart.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Of so many servers the names are kept as `server.address` and `server.port`; every further one is `_OTHER`, so that a
   * crawler does not make as many time series as it meets hosts. 100.
   */
  readonly maximumServers?: number
}

/**
 * What the slot holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpMetricsService {
  readonly maximumServers: number
}

/**
 * The slot: a session that is made where it is provided measures.
 *
 * @since 0.1.0
 * @category slots
 */
export class HttpMetrics extends Context.Tag("@urlsession/core/HttpMetrics")<HttpMetrics, HttpMetricsService>() {}

/**
 * Measures every session that is made with it.
 *
 * @example
 * ```ts
 * import { HttpMetrics, UrlSession } from "@urlsession/core"
 *
 * const SessionLive = UrlSession.layer(undefined, HttpMetrics.layer())
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HttpMetrics> =>
  Layer.sync(HttpMetrics, () => new MetricsCollector(Math.max(0, options.maximumServers ?? 100)))

/**
 * `http.client.request.duration`: seconds that each attempt took, from its beginning to the end of its body, by
 * `http.request.method`, `url.scheme`, `server.address`, `server.port`, `http.response.status_code`,
 * `network.protocol.version` and `error.type`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestDuration = metrics.requestDuration

/**
 * `http.client.active_requests`: the requests under way, by `http.request.method`, `url.scheme`, `server.address` and
 * `server.port`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const activeRequests = metrics.activeRequests

/**
 * `http.client.open_connections`: the connections of the session that was last measured, as they were when a request of it
 * began or ended.
 *
 * @since 0.1.0
 * @category metrics
 */
export const openConnections = metrics.openConnections

/**
 * `http.client.connection.duration`: seconds that each connection lived, from when it was ready to when it was closed, by
 * `url.scheme`, `server.address`, `server.port` and `network.protocol.version`. A transport that does not see connections,
 * like the browser's, measures none.
 *
 * @since 0.1.0
 * @category metrics
 */
export const connectionDuration = metrics.connectionDuration

/**
 * `http.client.request.body.size`: bytes of a body on the wire, as `requestDuration` is tagged.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestBodySize = metrics.requestBodySize

/**
 * `http.client.response.body.size`: bytes of a body on the wire, as `requestDuration` is tagged.
 *
 * @since 0.1.0
 * @category metrics
 */
export const responseBodySize = metrics.responseBodySize
