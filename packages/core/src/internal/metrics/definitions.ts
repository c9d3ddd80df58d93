/** The metrics of OpenTelemetry's conventions for HTTP clients, as Effect's. */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/** Of the conventions, in seconds. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const bytes = [0, 128, 1024, 8 * 1024, 64 * 1024, 512 * 1024, 4 * 1024 ** 2, 32 * 1024 ** 2, 256 * 1024 ** 2, 1024 ** 3]

export const requestDuration = Metric.tagged(
  Metric.histogram(
    "http.client.request.duration",
    MetricBoundaries.fromIterable(seconds),
    "Duration of HTTP client requests."
  ),
  "unit",
  "s"
)

export const activeRequests = Metric.tagged(
  Metric.counter("http.client.active_requests", {
    description: "Number of active HTTP requests."
  }),
  "unit",
  "{request}"
)

export const openConnections = Metric.tagged(
  Metric.gauge("http.client.open_connections", {
    description: "Number of outbound HTTP connections that are currently open."
  }),
  "unit",
  "{connection}"
)

export const requestBodySize = Metric.tagged(
  Metric.histogram(
    "http.client.request.body.size",
    MetricBoundaries.fromIterable(bytes),
    "Size of HTTP client request bodies."
  ),
  "unit",
  "By"
)

export const responseBodySize = Metric.tagged(
  Metric.histogram(
    "http.client.response.body.size",
    MetricBoundaries.fromIterable(bytes),
    "Size of HTTP client response bodies."
  ),
  "unit",
  "By"
)
