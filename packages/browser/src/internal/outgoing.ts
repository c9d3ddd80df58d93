/** A request as `fetch` takes it, or why `fetch` would not send it, or not all of it. */
import { ConnectionError, type ExchangeError, InvalidRequest } from "@urlsession/core/SessionError"
import type { WireRequest } from "@urlsession/core/Transport"
import { type OwnBytes } from "./upload.ts"
import type { StreamingInit } from "./uploadSupport.ts"

/** What is said of every request of a transport. */
export interface Settings {
  readonly credentials: RequestCredentials | undefined
  readonly cache: RequestCache | undefined
  readonly redirects: "follow" | "error"
}

const forbiddenMethods = new Set(["CONNECT", "TRACE", "TRACK"])

const own: Readonly<Record<string, string>> = {
  "accept-encoding": "the runtime asks for codings, and undoes them, by itself",
  "cookie": "cookies are the browser's. Set them there, and say credentials: \"include\" for other origins",
  "user-agent": "the browser names itself. Use a field of your own",
  "host": "it is that of the URL"
}

/** A dropped field is an error: the program would go on as if it had been sent. */
const droppedField = (request: WireRequest, made: Request): InvalidRequest | undefined => {
  const dropped = request.fields.find((field) => !made.headers.has(field.name))
  if (dropped === undefined) return undefined
  const detail = `fetch drops it here: ${own[dropped.name] ?? "this runtime lets no program set it. Leave it out"}`
  return new InvalidRequest({ url: request.url.href, reason: { _tag: "InvalidHeader", name: dropped.name, detail } })
}

/** What is left out is the runtime's default, and some runtimes refuse to hear of what they do not have. */
const initOf = (
  request: WireRequest,
  body: OwnBytes | ReadableStream<OwnBytes> | undefined,
  settings: Settings,
  priority: number,
  signal: AbortSignal
): StreamingInit => ({
  method: request.method,
  headers: request.fields.map((field): [string, string] => [field.name, field.value]),
  redirect: settings.redirects,
  signal,
  ...(body === undefined ? {} : { body }),
  ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
  ...(settings.cache === undefined ? {} : { cache: settings.cache }),
  ...(priority === 0.5 ? {} : { priority: priority > 0.5 ? "high" : "low" })
})

const refusal = (request: WireRequest, cause: unknown): ExchangeError => {
  const { method, url: { href: url } } = request
  if (forbiddenMethods.has(method.toUpperCase())) {
    return new InvalidRequest({ url, reason: { _tag: "InvalidMethod", method, detail: "fetch has no such requests" } })
  }
  if (request.body !== undefined && (method === "GET" || method === "HEAD")) {
    return new InvalidRequest({ url, reason: { _tag: "GetWithBody", method } })
  }
  return new ConnectionError({
    url,
    cause,
    reason: { _tag: "Unknown", detail: "fetch refuses this request; see the cause" }
  })
}

export const outgoing = (
  request: WireRequest,
  body: OwnBytes | ReadableStream<OwnBytes> | undefined,
  settings: Settings,
  priority: number,
  signal: AbortSignal
): Request | ExchangeError => {
  try {
    const made = new Request(request.url.href, initOf(request, body, settings, priority, signal))
    return droppedField(request, made) ?? made
  } catch (cause) {
    return refusal(request, cause)
  }
}
