/** Between a recording and its document. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { commonEntry, toPairs } from "../har/entry.ts"
import { bytesOf } from "./bodyText.ts"
import type { HarConnection, HarDocument, HarEntry } from "./har.ts"
import { version } from "./har.ts"
import type {
  Entry,
  RecordedBody,
  RecordedConnection,
  RecordedFields,
  RecordedResponse,
  RecordedTimes,
  Recording
} from "./model.ts"

const fromPairs = (pairs: ReadonlyArray<{ readonly name: string; readonly value: string }>): RecordedFields =>
  pairs.map(({ name, value }) => [name, value])

interface Content {
  readonly text: string
  readonly encoding: "base64" | undefined
}

const fromContent = (content: Content | undefined, size: number): Either.Either<RecordedBody, string> => {
  if (content === undefined) return Either.right({ _tag: "LeftOut", size })
  if (content.encoding === undefined) return Either.right({ _tag: "Kept", bytes: bytesOf(content.text) })
  return Either.mapBoth(Encoding.decodeBase64(content.text), {
    onLeft: () => "a body is not the base64 that it says to be",
    onRight: (bytes) => ({ _tag: "Kept", bytes })
  })
}

const toEntry = (entry: Entry, connections: ReadonlyMap<number, RecordedConnection>): HarEntry => {
  const { request, response } = entry
  const common = commonEntry(entry, entry.connection === undefined ? undefined : connections.get(entry.connection))
  return {
    ...common,
    request: { ...common.request, cookies: [], _sent: request.body === undefined ? undefined : request.sent },
    response: {
      ...common.response,
      cookies: [],
      _length: response?.length,
      _delimited: response?.delimited,
      _trailers: response === undefined ? undefined : toPairs(response.trailers)
    },
    cache: {},
    _informational: entry.informational.map(({ after, fields, status }) => ({
      status,
      headers: toPairs(fields),
      after
    })),
    _ending: entry.ending,
    _times: entry.times,
    _duration: entry.duration,
    _reused: entry.reused
  }
}

/** The document of a recording. */
export const toDocument = (recording: Recording): HarDocument => {
  const connections = new Map(recording.connections.map((connection) => [connection.id, connection]))
  return {
    log: {
      version: "1.2",
      creator: { name: "@urlsession/core Recorder", version },
      _recorded: {
        platform: recording.platform,
        capabilities: recording.capabilities,
        schemes: recording.schemes,
        connections: recording.connections,
        omitted: recording.omitted
      },
      entries: recording.entries.map((entry) => toEntry(entry, connections))
    }
  }
}

const fromResponse = (
  har: HarEntry["response"]
): Either.Either<RecordedResponse | undefined, string> => {
  if (har.status === 0) return Either.right(undefined)
  const { content } = har
  const given = content.text === undefined ? undefined : { text: content.text, encoding: content.encoding }
  return Either.map(fromContent(given, content.size), (body) => ({
    status: har.status,
    reason: har.statusText,
    fields: fromPairs(har.headers),
    length: har._length,
    delimited: har._delimited ?? true,
    body,
    trailers: fromPairs(har._trailers ?? []),
    headerBytes: Math.max(0, har.headersSize)
  }))
}

const fromEntry = (har: HarEntry, known: ReadonlySet<number>): Either.Either<Entry, string> =>
  Either.gen(function*() {
    const { postData, ...request } = har.request
    const sent = postData === undefined ? undefined : { text: postData.text, encoding: postData._encoding }
    const body = request._sent === undefined ? undefined : yield* fromContent(sent, request.bodySize)
    const connection = har.connection === undefined ? undefined : Number(har.connection)
    if (connection !== undefined && !known.has(connection)) {
      return yield* Either.left("there is no such connection in _recorded")
    }
    return {
      startedAt: har.startedDateTime.getTime(),
      duration: har._duration,
      request: {
        method: request.method,
        url: request.url,
        fields: fromPairs(request.headers),
        body,
        sent: request._sent ?? true,
        headerBytes: Math.max(0, request.headersSize)
      },
      informational: (har._informational ?? []).map(({ after, headers, status }) => ({
        status,
        fields: fromPairs(headers),
        after
      })),
      response: yield* fromResponse(har.response),
      ending: har._ending,
      times: fromTimes(har._times),
      connection,
      reused: har._reused ?? false
    }
  })

const fromTimes = (times: HarEntry["_times"]): RecordedTimes => ({
  domainLookupStart: times.domainLookupStart,
  domainLookupEnd: times.domainLookupEnd,
  connectStart: times.connectStart,
  secureConnectionStart: times.secureConnectionStart,
  secureConnectionEnd: times.secureConnectionEnd,
  connectEnd: times.connectEnd,
  requestStart: times.requestStart,
  requestEnd: times.requestEnd,
  responseStart: times.responseStart,
  responseEnd: times.responseEnd
})

const fromConnection = (har: HarConnection): RecordedConnection => ({
  id: har.id,
  protocol: har.protocol,
  remoteAddress: har.remoteAddress,
  remotePort: har.remotePort,
  trust: har.trust,
  overridden: har.overridden
})

/** The recording of a document, or what is wrong with it and where. */
export const fromDocument = ({ log }: HarDocument): Either.Either<Recording, string> => {
  const connections = log._recorded.connections.map(fromConnection)
  const known = new Set(connections.map(({ id }) => id))
  const entries: Array<Entry> = []
  for (const [index, har] of log.entries.entries()) {
    const entry = fromEntry(har, known)
    if (Either.isLeft(entry)) return Either.left(`log.entries.${index}: ${entry.left}`)
    entries.push(entry.right)
  }
  const { capabilities, omitted, platform, schemes } = log._recorded
  return Either.right({ platform, capabilities, schemes, connections, entries, omitted })
}
