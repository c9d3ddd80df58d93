/** Measures the tasks of sessions into metrics, with tags of which there are never more than a few hundred. */
import * as MetricLabel from "effect/MetricLabel"
import type { HttpMetricsService } from "../../HttpMetrics.ts"
import type { DownloadError } from "../../SessionError.ts"
import type { AlpnProtocol, EndedConnection, WireUrl } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { Instrument } from "../session/instrument.ts"
import type { Transaction } from "../session/transaction.ts"
import { protocolVersion } from "../spanAttributes.ts"
import { units, untagged } from "./definitions.ts"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

const other = "_OTHER"
const methods = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"])
const schemes = new Set(["http", "https", "ws", "wss", "data", "file"])

const label = MetricLabel.make

/** The tags of requests of one method to one server: by these very arrays Effect finds their metrics again without looking. */
interface Tags {
  /** Of those under way. */
  readonly active: Labels
  readonly labels: Labels
  /** With what came of them. */
  readonly outcomes: Map<string, Outcome>
  /** The last of them: most requests end as the one before, and are not looked up again. */
  last: Outcome | undefined
}

interface Outcome {
  readonly status: number | undefined
  readonly protocol: string | undefined
  readonly error: string | undefined
  readonly seconds: Labels
  readonly bytes: Labels
}

const openLabels: Labels = [units.connections]

interface Server {
  /** By method and scheme. */
  readonly requests: Map<string, Tags>
  /** By scheme and protocol. */
  readonly connections: Map<string, Labels>
}

/** The requests that were counted last: most are like the one before, and their server is not looked up again. */
interface Last {
  readonly method: string
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly tags: Tags
}

const newServer = (): Server => ({ requests: new Map(), connections: new Map() })

/** See the head of this file. */
export class MetricsCollector implements HttpMetricsService, Instrument {
  readonly maximumServers: number
  readonly #servers = new Map<string, Server>()
  readonly #others = newServer()
  #last: Last | undefined = undefined

  constructor(maximumServers: number) {
    this.maximumServers = maximumServers
  }

  began(task: ExchangeContext): void {
    untagged.activeRequests.unsafeUpdate(1, this.#active(task))
    this.#connections(task)
  }

  ended(task: ExchangeContext): void {
    untagged.activeRequests.unsafeUpdate(-1, this.#active(task))
    this.#connections(task)
    const { transactions } = task
    const end = task.now()
    transactions.forEach((transaction, index) => {
      const error = index === transactions.length - 1 ? task.error : undefined
      this.#transaction(transaction, error, task, end)
    })
  }

  /** The same at its end as at its beginning: no server is ever forgotten, and no other one becomes known. */
  #active({ originalRequest: { method, url } }: ExchangeContext): Labels {
    return this.#of(method, url.scheme, url.host, url.port).active
  }

  connectionEnded({ duration, host, port, protocol, scheme }: EndedConnection): void {
    untagged.connectionDuration.unsafeUpdate(
      Math.max(0, duration) / 1000,
      this.#ofConnection(scheme, host, port, protocol)
    )
  }

  #ofConnection(scheme: string, host: string, port: number, protocol: AlpnProtocol): Labels {
    const server = this.#server(host, port)
    const key = `${scheme} ${protocol}`
    let labels = server.connections.get(key)
    if (labels === undefined) {
      const known = server !== this.#others
      labels = [
        units.seconds,
        label("network.protocol.version", protocolVersion(protocol)),
        label("url.scheme", schemes.has(scheme) ? scheme : other),
        label("server.address", known ? host : other),
        label("server.port", known ? String(port) : other)
      ]
      server.connections.set(key, labels)
    }
    return labels
  }

  #connections(task: ExchangeContext): void {
    const { transport } = task.session
    untagged.openConnections.unsafeUpdate(transport.openSockets?.() ?? transport.open().sockets, openLabels)
  }

  #transaction(one: Transaction, error: DownloadError | undefined, task: ExchangeContext, end: number): void {
    // what came out of a cache, or was never on a network, was no request to a server
    if (one.fetchType !== undefined && one.fetchType !== "networkLoad") return
    const { bytes, seconds } = withOutcome(this.#ofUrl(one.method, one.url, task.currentRequest.url), one, error)
    untagged.requestDuration.unsafeUpdate(
      Math.max(0, (one.responseEnd ?? one.responseStart ?? end) - one.fetchStart) / 1000,
      seconds
    )
    if (one.requestBodyBytes > 0) untagged.requestBodySize.unsafeUpdate(one.requestBodyBytes, bytes)
    if (one.status !== undefined) untagged.responseBodySize.unsafeUpdate(one.responseBodyBytes, bytes)
  }

  #ofUrl(method: string, href: string, last: WireUrl): Tags {
    if (href === last.href) return this.#of(method, last.scheme, last.host, last.port)
    const url = new URL(href)
    const scheme = url.protocol.slice(0, -1)
    const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port)
    return this.#of(method, scheme, url.hostname.replace(/^\[|\]$/g, ""), port)
  }

  #of(method: string, scheme: string, host: string, port: number): Tags {
    const last = this.#last
    if (
      last !== undefined && last.host === host && last.port === port && last.method === method &&
      last.scheme === scheme
    ) return last.tags
    const tags = this.#lookUp(method, scheme, host, port)
    this.#last = { method, scheme, host, port, tags }
    return tags
  }

  #lookUp(method: string, scheme: string, host: string, port: number): Tags {
    const server = this.#server(host, port)
    const named = methods.has(method) ? method : other
    const of = schemes.has(scheme) ? scheme : other
    const key = `${named} ${of}`
    let tags = server.requests.get(key)
    if (tags === undefined) {
      const known = server !== this.#others
      const labels = [
        label("http.request.method", named),
        label("url.scheme", of),
        label("server.address", known ? host : other),
        label("server.port", known ? String(port) : other)
      ]
      server.requests.set(
        key,
        tags = { active: [units.requests, ...labels], labels, outcomes: new Map(), last: undefined }
      )
    }
    return tags
  }

  #server(host: string, port: number): Server {
    const key = `${host} ${port}`
    const known = this.#servers.get(key)
    if (known !== undefined) return known
    if (this.#servers.size >= this.maximumServers) return this.#others
    const server = newServer()
    this.#servers.set(key, server)
    return server
  }
}

const withOutcome = (tags: Tags, one: Transaction, error: DownloadError | undefined): Outcome => {
  const { status } = one
  const protocol = one.connection?.protocol
  const why = error?.reason._tag
  const { last } = tags
  if (last !== undefined && last.status === status && last.protocol === protocol && last.error === why) return last
  const key = `${status} ${protocol} ${why}`
  const known = tags.outcomes.get(key)
  if (known !== undefined) return tags.last = known
  const whole = [...tags.labels, ...outcome(one, error)]
  const all = { status, protocol, error: why, seconds: [units.seconds, ...whole], bytes: [units.bytes, ...whole] }
  tags.outcomes.set(key, all)
  return tags.last = all
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
