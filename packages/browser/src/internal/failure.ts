/** What can be told of a failure: `fetch` has one opaque `TypeError` for everything, so what is around it is asked. */
import {
  BodyError,
  ConnectionError,
  type ExchangeError,
  InvalidRequest,
  InvalidResponse,
  TlsError
} from "@urlsession/core/SessionError"
import type { WireUrl } from "@urlsession/core/Transport"

/** What the runtime says of itself. */
export interface Surroundings {
  /** `undefined` where the runtime does not say. */
  readonly onLine: boolean | undefined
  /** Of the page or worker, with the colon; `undefined` where there is none. */
  readonly pageProtocol: string | undefined
}

interface Runtime {
  readonly navigator?: { readonly onLine?: boolean }
  readonly location?: { readonly protocol: string }
}

export const surroundings = (runtime: Runtime = globalThis): Surroundings => ({
  onLine: runtime.navigator?.onLine,
  pageProtocol: runtime.location?.protocol
})

/** Ports that `fetch` connects to for nobody (Fetch standard, "port blocking"). */
const blockedPorts = new Set([
  ...[0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109],
  ...[
    110,
    111,
    113,
    115,
    117,
    119,
    123,
    135,
    137,
    139,
    143,
    161,
    179,
    389,
    427,
    465,
    512,
    513,
    514,
    515,
    526,
    530,
    531
  ],
  ...[532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060],
  ...[5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080]
])

/** Hosts that browsers trust without TLS, so that an https page may use them (Secure Contexts 3.1). */
const isLocal = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

/** The first `code` in a chain of causes: runtimes that are no browsers have one. */
const codeOf = (cause: unknown): string | undefined => {
  for (let at = cause, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
    at = "cause" in at ? at.cause : undefined
  }
  return undefined
}

const unreachable = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT"
])
const unknownHost = new Set(["ENOTFOUND", "EAI_AGAIN"])
const reset = new Set(["ConnectionReset", "ECONNRESET", "EPIPE"])
const closed = new Set(["ConnectionClosed", "UND_ERR_SOCKET"])
const ofTls = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_)/

/** How many bytes of the response's body had come, and how many were to come. */
export interface Received {
  readonly bytesReceived: number
  readonly bytesExpected: number | undefined
}

const nothingReceived: Received = { bytesReceived: 0, bytesExpected: undefined }

const lostError = (url: WireUrl, why: "Reset" | "Closed", received: Received, cause: unknown): ConnectionError =>
  new ConnectionError({
    url: url.href,
    cause,
    reason: { _tag: "NetworkConnectionLost", ...received, why, requestSent: true, reused: false }
  })

const coded = (url: WireUrl, code: string, cause: unknown): ExchangeError | undefined => {
  const { host, port } = url
  if (unreachable.has(code)) {
    const reason = { _tag: "CannotConnectToHost", host, port, detail: code } as const
    return new ConnectionError({ url: url.href, cause, reason })
  }
  if (unknownHost.has(code)) {
    const reason = { _tag: "CannotFindHost", host, temporary: code === "EAI_AGAIN" } as const
    return new ConnectionError({ url: url.href, cause, reason })
  }
  if (reset.has(code)) return lostError(url, "Reset", nothingReceived, cause)
  if (closed.has(code)) return lostError(url, "Closed", nothingReceived, cause)
  return ofTls.test(code)
    ? new TlsError({ url: url.href, cause, reason: { _tag: "SecureConnectionFailed", detail: code } })
    : undefined
}

const refused = (url: WireUrl, rule: string, cause: unknown): InvalidRequest =>
  new InvalidRequest({ url: url.href, cause, reason: { _tag: "SecurityPolicyViolation", rule } })

const mayBe =
  "fetch failed and does not say why. It may be CORS (the server must allow this page, its method and its " +
  "fields), a name that is not found, a connection that is refused or lost, a certificate, a redirect that leads nowhere, " +
  "or a policy or extension that blocks the request. The console of the browser knows"

const streamedMayBe = `${mayBe}. The body was streamed: that needs HTTP/2 or HTTP/3 in a browser, and can follow no ` +
  "redirect but a 303. Send it with uploads: \"buffered\" where there is neither"

/** No response came. */
export const requestFailure = (
  url: WireUrl,
  cause: unknown,
  streamed: boolean,
  { onLine, pageProtocol }: Surroundings
): ExchangeError => {
  if (onLine === false) {
    const reason = { _tag: "NotConnectedToInternet", why: "the browser is offline" } as const
    return new ConnectionError({ url: url.href, cause, reason })
  }
  const code = codeOf(cause)
  const known = code === undefined ? undefined : coded(url, code, cause)
  if (known !== undefined) return known
  if (blockedPorts.has(url.port)) {
    return refused(url, `fetch connects to port ${url.port} for nobody. Let the server listen on another one`, cause)
  }
  if (pageProtocol === "https:" && url.scheme === "http" && !isLocal(url.host)) {
    return refused(url, "a page that came over https sends no plain http (mixed content). Use https", cause)
  }
  return new ConnectionError({
    url: url.href,
    cause,
    reason: { _tag: "Unknown", detail: streamed ? streamedMayBe : mayBe }
  })
}

/** The response broke off; `coding` is the one that the runtime was undoing, as far as it shows it. */
export const bodyFailure = (
  url: WireUrl,
  cause: unknown,
  received: Received,
  coding: string | undefined
): ExchangeError => {
  const code = codeOf(cause)
  if (code?.startsWith("Z_") === true) {
    const reason = {
      _tag: "CannotDecodeRawData",
      coding: coding ?? "unknown",
      truncated: code === "Z_BUF_ERROR"
    } as const
    return new BodyError({ url: url.href, cause, reason })
  }
  return lostError(url, code !== undefined && reset.has(code) ? "Reset" : "Closed", received, cause)
}

/** The response ended before, or after, the length that it had announced. */
export const cutFailure = (url: WireUrl, received: Received): ConnectionError =>
  lostError(url, "Closed", received, undefined)

/** Nobody read the body for the idle time. */
export const abandonedFailure = (url: WireUrl, received: Received): ConnectionError =>
  new ConnectionError({
    url: url.href,
    reason: { _tag: "NetworkConnectionLost", ...received, why: "Abandoned", requestSent: true, reused: false }
  })

/** A response that the runtime shows nothing of. */
export const opaqueFailure = (url: WireUrl, type: string): InvalidResponse =>
  new InvalidResponse({
    url: url.href,
    reason: {
      _tag: "BadServerResponse",
      detail: `fetch gave a response of type "${type}", which shows nothing of itself`
    }
  })
