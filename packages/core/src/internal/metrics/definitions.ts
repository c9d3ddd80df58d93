/**
 * The metrics of OpenTelemetry's conventions for HTTP clients, as Effect's. Each is there twice: with its unit, as everybody reads it,
 * and without, as it is measured into: only by the very array of all its tags is a metric found again without being looked for.
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"

/** Both of the conventions, in seconds. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const lifetimes = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]
const bytes = [0, 128, 1024, 8 * 1024, 64 * 1024, 512 * 1024, 4 * 1024 ** 2, 32 * 1024 ** 2, 256 * 1024 ** 2, 1024 ** 3]

export const untagged = {
  requestDuration: Metric.histogram(
    "http.client.request.duration",
    MetricBoundaries.fromIterable(seconds),
    "Duration of HTTP client requests."
  ),
  activeRequests: Metric.counter("http.client.active_requests", {
    description: "Number of active HTTP requests."
  }),
  openConnections: Metric.gauge("http.client.open_connections", {
    description: "Number of outbound HTTP connections that are currently open."
  }),
  connectionDuration: Metric.histogram(
    "http.client.connection.duration",
    MetricBoundaries.fromIterable(lifetimes),
    "The duration of the successfully established outbound HTTP connections."
  ),
  requestBodySize: Metric.histogram(
    "http.client.request.body.size",
    MetricBoundaries.fromIterable(bytes),
    "Size of HTTP client request bodies."
  ),
  responseBodySize: Metric.histogram(
    "http.client.response.body.size",
    MetricBoundaries.fromIterable(bytes),
    "Size of HTTP client response bodies."
  )
}

export const units = {
  seconds: MetricLabel.make("unit", "s"),
  bytes: MetricLabel.make("unit", "By"),
  requests: MetricLabel.make("unit", "{request}"),
  connections: MetricLabel.make("unit", "{connection}")
}

export const requestDuration = Metric.taggedWithLabels(untagged.requestDuration, [units.seconds])
export const activeRequests = Metric.taggedWithLabels(untagged.activeRequests, [units.requests])
export const openConnections = Metric.taggedWithLabels(untagged.openConnections, [units.connections])
export const connectionDuration = Metric.taggedWithLabels(untagged.connectionDuration, [units.seconds])
export const requestBodySize = Metric.taggedWithLabels(untagged.requestBodySize, [units.bytes])
export const responseBodySize = Metric.taggedWithLabels(untagged.responseBodySize, [units.bytes])
