/** Entries and documents of HAR 1.2, out of what was measured and what was recorded. */
import { format, type LoggedDecision } from "../../Decision.ts"
import type { HarCookie, HarDocument, HarEntry } from "../../Har.ts"
import type { TransactionMetrics } from "../../TaskMetrics.ts"
import type { Entry, RecordedConnection, RecordedTimes } from "../recorder/model.ts"
import { commonEntry } from "./entry.ts"

/** What an entry says beside the exchange itself. */
export interface About {
  readonly measured: TransactionMetrics
  readonly attempt: number
  /** Of the task in all. */
  readonly attempts: number
  readonly decisions: ReadonlyArray<LoggedDecision>
  readonly taskIdentifier: number | undefined
}

/** An entry that only the metrics know of: one of the cache, or of a task whose metrics are all that is left. */
export const measuredEntry = (one: TransactionMetrics, end: number, url = one.url): Entry => {
  const since = (time: number | undefined) => time === undefined ? undefined : Math.max(0, time - one.fetchStart)
  const times: RecordedTimes = {
    domainLookupStart: since(one.domainLookupStart),
    domainLookupEnd: since(one.domainLookupEnd),
    connectStart: since(one.connectStart),
    secureConnectionStart: since(one.secureConnectionStart),
    secureConnectionEnd: since(one.secureConnectionEnd),
    connectEnd: since(one.connectEnd),
    requestStart: since(one.requestStart),
    requestEnd: since(one.requestEnd),
    responseStart: since(one.responseStart),
    responseEnd: since(one.responseEnd)
  }
  return {
    startedAt: Math.max(0, Math.floor(one.fetchStart)),
    duration: since(one.responseEnd ?? one.responseStart ?? (one.status === undefined ? end : one.fetchStart)) ?? 0,
    request: {
      method: one.method,
      url,
      fields: [],
      body: one.requestBodyBytes === 0 ? undefined : { _tag: "LeftOut", size: one.requestBodyBytes },
      sent: one.requestEnd !== undefined,
      headerBytes: one.requestHeaderBytes
    },
    informational: [],
    response: one.status === undefined ? undefined : {
      status: one.status,
      reason: "",
      fields: [],
      length: undefined,
      delimited: true,
      body: { _tag: "LeftOut", size: one.responseBodyBytes },
      trailers: [],
      headerBytes: one.responseHeaderBytes
    },
    ending: { _tag: "Complete" },
    times,
    connection: one.connection?.id,
    reused: one.reused
  }
}

const pairOf = (text: string): HarCookie => {
  const equals = text.indexOf("=")
  return equals < 0
    ? { name: "", value: text.trim() }
    : { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() }
}

const setCookieOf = (line: string): HarCookie => {
  const [first = "", ...attributes] = line.split(";")
  const named = new Map(attributes.map((text) => {
    const { name, value } = pairOf(text)
    return name === "" ? [value.toLowerCase(), ""] as const : [name.toLowerCase(), value] as const
  }))
  const path = named.get("path")
  const domain = named.get("domain")
  return {
    ...pairOf(first),
    ...(path === undefined ? {} : { path }),
    ...(domain === undefined ? {} : { domain }),
    httpOnly: named.has("httponly"),
    secure: named.has("secure")
  }
}

const valuesOf = (headers: ReadonlyArray<{ readonly name: string; readonly value: string }>, name: string) =>
  headers.filter((one) => one.name === name).map(({ value }) => value)

const commentOf = ({ attempt, attempts, decisions }: About): string | undefined => {
  // what was decided after the last attempt is about its end
  const own = decisions.filter((one) => one.attempt === attempt || (attempt === attempts - 1 && one.attempt > attempt))
  return own.length === 0 ? undefined : own.map(({ decision }) => format(decision)).join("\n")
}

const errorOf = ({ ending }: Entry): string | undefined => {
  switch (ending._tag) {
    case "Complete":
      return undefined
    case "Failed":
      return `${ending.error._tag}/${ending.error.reason._tag}`
    default:
      return ending._tag
  }
}

const connectionOf = ({ connection }: TransactionMetrics): RecordedConnection | undefined => connection

/** One entry. The size of the content is that after decoding, whether the body was kept or not. */
export const entryOf = (entry: Entry, about: About): HarEntry => {
  const { measured } = about
  const common = commonEntry({ ...entry, connection: measured.connection?.id }, connectionOf(measured))
  const { postData, ...request } = common.request
  const { content, ...response } = common.response
  const comment = commentOf(about)
  const error = errorOf(entry)
  const size = measured.responseBodyBytesAfterDecoding
  const onWire = measured.responseBodyBytes
  const { trust } = measured.connection ?? {}
  return {
    startedDateTime: common.startedDateTime.toISOString(),
    time: common.time,
    request: {
      ...request,
      cookies: valuesOf(request.headers, "cookie").flatMap((line) => line.split(";")).map(pairOf),
      ...(postData === undefined ? {} : {
        postData: {
          mimeType: postData.mimeType,
          text: postData.text,
          ...(postData._encoding === undefined ? {} : { _encoding: postData._encoding })
        }
      })
    },
    response: {
      ...response,
      cookies: valuesOf(response.headers, "set-cookie").map(setCookieOf),
      content: {
        size,
        ...(size === onWire ? {} : { compression: size - onWire }),
        mimeType: content.mimeType,
        ...(content.text === undefined ? {} : { text: content.text }),
        ...(content.encoding === undefined ? {} : { encoding: content.encoding })
      },
      bodySize: measured.fetchType === "localCache" ? 0 : onWire
    },
    cache: {},
    timings: common.timings,
    ...(common.serverIPAddress === undefined ? {} : { serverIPAddress: common.serverIPAddress }),
    ...(common.connection === undefined ? {} : { connection: common.connection }),
    ...(comment === undefined ? {} : { comment }),
    ...(about.taskIdentifier === undefined ? {} : { _taskIdentifier: about.taskIdentifier }),
    _fetchType: measured.fetchType,
    ...(measured.fetchType === "localCache" ? { _fromCache: "memory" as const } : {}),
    _reused: measured.reused,
    _proxied: measured.proxied,
    ...(trust === undefined ? {} : { _tls: { protocol: trust.protocol, cipher: trust.cipher } }),
    ...(error === undefined ? {} : { _error: error })
  }
}

/** The document, its entries by the time at which they began. */
export const documentOf = (entries: ReadonlyArray<HarEntry>): HarDocument => ({
  log: {
    version: "1.2",
    creator: { name: "@urlsession/core", version: "0.1.0" },
    pages: [],
    entries: [...entries].sort((a, b) => Date.parse(a.startedDateTime) - Date.parse(b.startedDateTime))
  }
})
