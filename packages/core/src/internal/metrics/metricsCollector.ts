/** Measures the tasks of sessions into metrics, with tags of which there are never more than a few hundred. */
import * as MetricLabel from "effect/MetricLabel"
import type { HttpMetricsService } from "../../HttpMetrics.ts"
import type { DownloadError } from "../../SessionError.ts"
import type { WireUrl } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { Instrument } from "../session/instrument.ts"
import type { Transaction } from "../session/transaction.ts"
import { protocolVersion } from "../spanAttributes.ts"
import { activeRequests, openConnections, requestBodySize, requestDuration, responseBodySize } from "./definitions.ts"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

const other = "_OTHER"
const methods = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"])
const schemes = new Set(["http", "https", "ws", "wss", "data", "file"])

const label = MetricLabel.make

/** The tags of a server, by its authority. */
interface Server {
  readonly labels: Labels
}

const otherServer: Server = { labels: [label("server.address", other), label("server.port", other)] }

/** See the head of this file. */
export class MetricsCollector implements HttpMetricsService, Instrument {
  readonly maximumServers: number
  readonly #servers = new Map<string, Server>()
  /** What a task was counted under when it began, so that it is taken off the same. */
  readonly #active = new WeakMap<ExchangeContext, Labels>()

  constructor(maximumServers: number) {
    this.maximumServers = maximumServers
  }

  began(task: ExchangeContext): void {
    const { method, url } = task.originalRequest
    const labels = this.#of(method, url.scheme, url.host, url.port)
    this.#active.set(task, labels)
    activeRequests.unsafeUpdate(1, labels)
    this.#connections(task)
  }

  ended(task: ExchangeContext): void {
    const labels = this.#active.get(task)
    if (labels === undefined) return
    this.#active.delete(task)
    activeRequests.unsafeUpdate(-1, labels)
    this.#connections(task)
    const { transactions } = task
    const end = task.now()
    transactions.forEach((transaction, index) => {
      const error = index === transactions.length - 1 ? task.error : undefined
      this.#transaction(transaction, error, task, end)
    })
  }

  #connections(task: ExchangeContext): void {
    openConnections.unsafeUpdate(task.session.transport.open().sockets, [])
  }

  #transaction(one: Transaction, error: DownloadError | undefined, task: ExchangeContext, end: number): void {
    // what came out of a cache, or was never on a network, was no request to a server
    if (one.fetchType !== undefined && one.fetchType !== "networkLoad") return
    const labels = [...this.#ofUrl(one.method, one.url, task.currentRequest.url), ...outcome(one, error)]
    requestDuration.unsafeUpdate(
      Math.max(0, (one.responseEnd ?? one.responseStart ?? end) - one.fetchStart) / 1000,
      labels
    )
    if (one.requestBodyBytes > 0) requestBodySize.unsafeUpdate(one.requestBodyBytes, labels)
    if (one.status !== undefined) responseBodySize.unsafeUpdate(one.responseBodyBytes, labels)
  }

  #ofUrl(method: string, href: string, last: WireUrl): Labels {
    if (href === last.href) return this.#of(method, last.scheme, last.host, last.port)
    const url = new URL(href)
    const scheme = url.protocol.slice(0, -1)
    const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port)
    return this.#of(method, scheme, url.hostname.replace(/^\[|\]$/g, ""), port)
  }

  #of(method: string, scheme: string, host: string, port: number): Labels {
    return [
      label("http.request.method", methods.has(method) ? method : other),
      label("url.scheme", schemes.has(scheme) ? scheme : other),
      ...this.#server(host, port).labels
    ]
  }

  #server(host: string, port: number): Server {
    const key = `${host} ${port}`
    const known = this.#servers.get(key)
    if (known !== undefined) return known
    if (this.#servers.size >= this.maximumServers) return otherServer
    const server = { labels: [label("server.address", host), label("server.port", String(port))] }
    this.#servers.set(key, server)
    return server
  }
}

/** A status that is an error names itself; of an exchange that failed the reason does. */
const outcome = (one: Transaction, error: DownloadError | undefined): Labels => {
  const labels: Array<MetricLabel.MetricLabel> = []
  // a server may write any three digits
  const status = one.status
  if (status !== undefined) {
    labels.push(label("http.response.status_code", status >= 100 && status < 600 ? String(status) : other))
  }
  const { connection } = one
  if (connection !== undefined) labels.push(label("network.protocol.version", protocolVersion(connection.protocol)))
  if (error !== undefined) labels.push(label("error.type", error.reason._tag))
  else if (status !== undefined && status >= 400) {
    labels.push(label("error.type", status < 600 ? String(status) : other))
  } else if (status === undefined) labels.push(label("error.type", other))
  return labels
}
