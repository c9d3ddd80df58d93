/** The document of a recording: HAR 1.2, which viewers open, with the rest of what a replay needs in fields that begin with `_`. */
import * as Schema from "effect/Schema"
import { failure, serverTrust } from "./failure.ts"

const text = Schema.String
const count = Schema.NonNegativeInt
const milliseconds = Schema.Finite.pipe(Schema.nonNegative())

const pairs = Schema.Array(Schema.Struct({ name: text, value: text }))
const nothing = Schema.Tuple()
const base64 = Schema.optional(Schema.Literal("base64"))

const capability = Schema.Literal(
  "ServerTrustControl",
  "ClientIdentity",
  "ConnectionBinding",
  "ProxyControl",
  "RedirectControl",
  "CookieControl",
  "UploadProgress",
  "StreamSockets",
  "DurableTransfers"
)

const request = Schema.Struct({
  method: text,
  url: text,
  httpVersion: text,
  cookies: nothing,
  headers: pairs,
  queryString: pairs,
  /** There where a body was kept. */
  postData: Schema.optional(Schema.Struct({ mimeType: text, text, _encoding: base64 })),
  headersSize: Schema.Int,
  bodySize: count,
  /** There where there was a body: whether all of it went out. */
  _sent: Schema.optional(Schema.Boolean)
})

const response = Schema.Struct({
  /** 0: no head came. */
  status: count,
  statusText: text,
  httpVersion: text,
  cookies: nothing,
  headers: pairs,
  /** Without `text` where the body was left out. */
  content: Schema.Struct({ size: count, mimeType: text, text: Schema.optional(text), encoding: base64 }),
  redirectURL: text,
  headersSize: Schema.Int,
  bodySize: count,
  _length: Schema.optional(count),
  _delimited: Schema.optional(Schema.Boolean),
  _trailers: Schema.optional(pairs)
})

const times = Schema.Struct({
  domainLookupStart: Schema.optional(milliseconds),
  domainLookupEnd: Schema.optional(milliseconds),
  connectStart: Schema.optional(milliseconds),
  secureConnectionStart: Schema.optional(milliseconds),
  secureConnectionEnd: Schema.optional(milliseconds),
  connectEnd: Schema.optional(milliseconds),
  requestStart: Schema.optional(milliseconds),
  requestEnd: Schema.optional(milliseconds),
  responseStart: Schema.optional(milliseconds),
  responseEnd: Schema.optional(milliseconds)
})

const ending = Schema.Union(
  Schema.TaggedStruct("Complete", {}),
  Schema.TaggedStruct("Failed", { error: failure }),
  Schema.TaggedStruct("Cancelled", {}),
  Schema.TaggedStruct("Interrupted", {})
)

const entry = Schema.Struct({
  startedDateTime: Schema.Date,
  time: milliseconds,
  request,
  response,
  cache: Schema.Struct({}),
  timings: Schema.Struct({
    blocked: Schema.Finite,
    dns: Schema.Finite,
    connect: Schema.Finite,
    send: milliseconds,
    wait: milliseconds,
    receive: milliseconds,
    ssl: Schema.Finite
  }),
  serverIPAddress: Schema.optional(text),
  connection: Schema.optional(text),
  comment: Schema.optional(text),
  _informational: Schema.optional(Schema.Array(Schema.Struct({ status: count, headers: pairs, after: milliseconds }))),
  _ending: ending,
  _times: times,
  _duration: milliseconds,
  _reused: Schema.optional(Schema.Boolean)
})

const connection = Schema.Struct({
  id: count,
  protocol: text,
  remoteAddress: Schema.optional(text),
  remotePort: Schema.optional(count),
  trust: Schema.optional(serverTrust),
  overridden: Schema.Boolean
})

/** What the Recorder writes in this version, and no other. */
export const version = "1"

const document = Schema.Struct({
  log: Schema.Struct({
    version: Schema.Literal("1.2"),
    creator: Schema.Struct({ name: Schema.Literal("@urlsession/core Recorder"), version: Schema.Literal(version) }),
    comment: Schema.optional(text),
    _recorded: Schema.Struct({
      platform: text,
      capabilities: Schema.Array(capability),
      schemes: Schema.Array(text),
      connections: Schema.Array(connection),
      omitted: count
    }),
    entries: Schema.Array(entry)
  })
})

/** The document, between text and value. */
export const Document = Schema.parseJson(document, { space: 2 })

export type HarDocument = typeof document.Type
export type HarEntry = typeof entry.Type
export type HarConnection = typeof connection.Type
