/**
 * What a span says of a request, after OpenTelemetry's conventions for HTTP clients. Nothing that may be a secret is in it:
 * no user info, no query, and of the fields those only that are known to be harmless or that the caller has called public.
 */
import type { HeaderFields } from "../HeaderFields.ts"
import type { TransactionMetrics } from "../TaskMetrics.ts"
import type { ConnectionInfo } from "../Transport.ts"
import { displayUrl } from "./displayUrl.ts"

/** Attributes by their name. */
export type Attributes = Record<string, unknown>

/** Fields of requests that describe a message and never its sender. */
const harmlessOfRequests = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "range",
  "user-agent"
])

const harmlessOfResponses = [
  "accept-ranges",
  "age",
  "allow",
  "cache-control",
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "expires",
  "last-modified",
  "retry-after",
  "server",
  "vary"
]

const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 }

/** Where a request goes; `undefined`, or what is no URL of a server, says the method alone. */
export const ofRequest = (method: string, url: URL | undefined): Attributes => {
  const attributes: Attributes = { "http.request.method": method }
  if (url === undefined) return attributes
  attributes["url.full"] = displayUrl(url.href)
  attributes["url.scheme"] = url.protocol.slice(0, -1)
  const port = url.port === "" ? defaultPorts[url.protocol] : Number(url.port)
  if (port === undefined) return attributes
  attributes["server.address"] = url.hostname.replace(/^\[|\]$/g, "")
  attributes["server.port"] = port
  attributes["url.path"] = url.pathname
  return attributes
}

/** The names of the caller's fields that may be shown. */
export const shownFields = (
  fields: Readonly<Record<string, string>>,
  publicFields: ReadonlyArray<string> = []
): ReadonlyArray<string> => {
  const named = new Set(publicFields.map((name) => name.toLowerCase()))
  return Object.keys(fields).filter((name) => harmlessOfRequests.has(name) || named.has(name))
}

/** A request's field, as an attribute. */
export const requestField = (name: string): string => `http.request.header.${name}`

/** The head of the final response. */
export const ofResponse = (status: number, fields: HeaderFields): Attributes => {
  const attributes: Attributes = { "http.response.status_code": status }
  // a status is no failure of the exchange, so the span is not one of an error; the conventions want it named all the same
  if (status >= 400) attributes["error.type"] = String(status)
  for (const name of harmlessOfResponses) {
    const value = fields.get(name)
    if (value !== undefined) attributes[`http.response.header.${name}`] = value
  }
  return attributes
}

/** The version in a name of ALPN. */
export const protocolVersion = (protocol: string): string => protocol === "h2" ? "2" : protocol.replace("http/", "")

/** The connection that the final response came over. */
export const ofConnection = (connection: ConnectionInfo | undefined): Attributes => {
  if (connection === undefined) return {}
  const attributes: Attributes = {
    "network.protocol.name": "http",
    "network.protocol.version": protocolVersion(connection.protocol)
  }
  if (connection.remoteAddress !== undefined) attributes["network.peer.address"] = connection.remoteAddress
  if (connection.remotePort !== undefined) attributes["network.peer.port"] = connection.remotePort
  return attributes
}

/** One attempt of several: what was asked, and what came of it. */
export const ofAttempt = (attempt: TransactionMetrics, index: number): Attributes => {
  const attributes: Attributes = {
    "http.request.method": attempt.method,
    "http.request.resend_count": index,
    "url.full": attempt.url
  }
  if (attempt.status !== undefined) attributes["http.response.status_code"] = attempt.status
  return attributes
}

/** The same for a span of its own, with what was moved, and over which connection. */
export const ofAttemptSpan = (attempt: TransactionMetrics, index: number): Attributes => {
  const attributes = { ...ofAttempt(attempt, index), ...ofConnection(attempt.connection) }
  if (index === 0) delete attributes["http.request.resend_count"]
  attributes["http.request.body.size"] = attempt.requestBodyBytes
  attributes["http.response.body.size"] = attempt.responseBodyBytes
  attributes["urlsession.fetch_type"] = attempt.fetchType
  attributes["urlsession.connection.reused"] = attempt.reused
  if (attempt.status !== undefined && attempt.status >= 400) attributes["error.type"] = String(attempt.status)
  return attributes
}
