/** What every HAR document of ours says of an exchange (HAR 1.2), whoever has watched it: a recording, or the session itself. */
import { base64Of, textOf } from "../recorder/bodyText.ts"
import type {
  Entry,
  RecordedBody,
  RecordedConnection,
  RecordedFields,
  RecordedResponse,
  RecordedTimes
} from "../recorder/model.ts"

export const toPairs = (fields: RecordedFields) => fields.map(([name, value]) => ({ name, value }))

const field = (fields: RecordedFields, wanted: string): string => fields.find(([name]) => name === wanted)?.[1] ?? ""

const sizeOf = (body: RecordedBody | undefined): number =>
  body === undefined ? 0 : body._tag === "Kept" ? body.bytes.length : body.size

interface Content {
  readonly text: string
  readonly encoding: "base64" | undefined
}

const toContent = (body: RecordedBody | undefined): Content | undefined => {
  if (body?._tag !== "Kept") return undefined
  const text = textOf(body.bytes)
  return text === undefined
    ? { text: base64Of(body.bytes), encoding: "base64" }
    : { text, encoding: undefined }
}

const queryOf = (url: string) => {
  const start = url.indexOf("?")
  if (start < 0) return []
  return url.slice(start + 1).split("&").filter((pair) => pair !== "").map((pair) => {
    const equals = pair.indexOf("=")
    return equals < 0
      ? { name: pair, value: "" }
      : { name: pair.slice(0, equals), value: pair.slice(equals + 1) }
  })
}

const span = (from: number | undefined, to: number | undefined): number =>
  from === undefined || to === undefined ? -1 : Math.max(0, to - from)

/** To the microsecond, so that sums of differences show no noise. */
const exact = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000

/**
 * The phases as viewers draw them, one after the other: -1 where one is not known, and all of them together (`ssl` is part of
 * `connect`) take as long as the exchange did. An answer that came before the request was out ends its sending.
 */
export const timingsOf = (times: RecordedTimes, duration: number) => {
  const { requestEnd, requestStart, responseEnd, responseStart } = times
  const end = Math.max(responseEnd ?? duration, responseStart ?? 0)
  const dns = span(times.domainLookupStart, times.domainLookupEnd)
  const connect = span(times.connectStart, times.connectEnd)
  const before = Math.max(0, dns) + Math.max(0, connect)
  const ssl = span(times.secureConnectionStart, times.secureConnectionEnd)
  if (requestStart === undefined) {
    // it never came to a request, or a platform does not show when
    const rest = Math.max(0, end - before)
    return { blocked: -1, dns: exact(dns), connect: exact(connect), send: 0, wait: exact(rest), receive: 0, ssl }
  }
  const blocked = Math.max(0, requestStart - before)
  const sent = Math.min(Math.max(requestEnd ?? requestStart, requestStart), responseStart ?? end)
  const first = Math.max(responseStart ?? end, sent)
  return {
    blocked: exact(blocked),
    dns: exact(dns),
    connect: exact(connect),
    send: exact(Math.max(0, sent - requestStart)),
    wait: exact(first - sent),
    receive: exact(Math.max(0, end - first)),
    ssl: exact(ssl)
  }
}

/** How HAR names a protocol. */
const httpVersion = (connection: RecordedConnection | undefined): string =>
  connection === undefined ? "unknown" : connection.protocol.replace(/^http\//, "HTTP/")

const responseOf = (response: RecordedResponse | undefined, connection: RecordedConnection | undefined) => {
  const content = toContent(response?.body)
  return {
    status: response?.status ?? 0,
    statusText: response?.reason ?? "",
    httpVersion: httpVersion(connection),
    headers: toPairs(response?.fields ?? []),
    content: {
      size: sizeOf(response?.body),
      mimeType: field(response?.fields ?? [], "content-type"),
      text: content?.text,
      encoding: content?.encoding
    },
    redirectURL: field(response?.fields ?? [], "location"),
    headersSize: response === undefined || response.headerBytes === 0 ? -1 : response.headerBytes,
    bodySize: sizeOf(response?.body)
  }
}

/** See the head of this file. */
export const commonEntry = (entry: Entry, connection: RecordedConnection | undefined) => {
  const { request } = entry
  const sent = toContent(request.body)
  const timings = timingsOf(entry.times, entry.duration)
  const { ssl: _, ...phases } = timings
  return {
    startedDateTime: new Date(entry.startedAt),
    time: exact(Object.values(phases).reduce((sum, phase) => sum + Math.max(0, phase), 0)),
    request: {
      method: request.method,
      url: request.url,
      httpVersion: httpVersion(connection),
      headers: toPairs(request.fields),
      queryString: queryOf(request.url),
      postData: sent === undefined
        ? undefined
        : { mimeType: field(request.fields, "content-type"), text: sent.text, _encoding: sent.encoding },
      headersSize: request.headerBytes === 0 ? -1 : request.headerBytes,
      bodySize: sizeOf(request.body)
    },
    response: responseOf(entry.response, connection),
    timings,
    serverIPAddress: connection?.remoteAddress,
    connection: entry.connection === undefined ? undefined : String(entry.connection)
  }
}
