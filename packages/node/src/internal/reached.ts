/** The way through a proxy to a server: asked for, refused, answered, asked for again. */
import { originOf, type ProxyServer } from "@urlsession/core/Proxy"
import { AuthenticationError, ConnectionError, type ExchangeError } from "@urlsession/core/SessionError"
import type { ProxyAnswer, ProxyAsker, WireUrl } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Attempt } from "./dial.ts"
import type { SocksUser } from "./socks5.ts"
import { connectThrough, socksThrough, type TunnelResult } from "./tunnel.ts"

/** What a connection through a proxy is made of. */
export interface ProxySteps {
  readonly proxy: ProxyServer
  readonly url: WireUrl
  readonly asker: ProxyAsker | undefined
  readonly rounds: number
  /** Connects to the proxy, in the place of what was connected before. */
  readonly open: Effect.Effect<Attempt, ExchangeError>
  /** Limits what waits for the network. */
  readonly within: (tunnel: Effect.Effect<TunnelResult>) => Effect.Effect<TunnelResult, ExchangeError>
  /** Somebody decides; that is not the network's time. */
  readonly deciding: <A>(decision: Effect.Effect<A, ExchangeError>) => Effect.Effect<A, ExchangeError>
}

/** A proxy as what is connected to. */
export const proxyUrl = (proxy: ProxyServer): WireUrl => {
  const origin = originOf(proxy)
  const scheme = proxy.scheme === "https" ? "https" : "http"
  const authority = origin.slice(origin.indexOf("//") + 2)
  return { href: `${origin}/`, scheme, host: proxy.host, port: proxy.port, authority, target: "/", origin }
}

/** The proxy did not do what it is for. */
export const proxyFailed = (
  proxy: ProxyServer,
  status: number | undefined,
  detail: string | undefined,
  cause: unknown,
  url: string
): ExchangeError =>
  new ConnectionError({
    url,
    cause,
    reason: {
      _tag: "ProxyFailed",
      proxy: originOf(proxy),
      status,
      ...(detail === undefined ? {} : { detail })
    }
  })

/** A proxy that cannot be reached is none; what is wrong with its certificate stays what it is. */
export const unreachable = (proxy: ProxyServer, error: ExchangeError, url: string): ExchangeError =>
  error._tag === "ConnectionError" && error.reason._tag !== "AddressRefused"
    ? proxyFailed(proxy, undefined, "it cannot be reached", error, url)
    : error

/** A connection to the proxy that has become one to the server. */
export const reached = (steps: ProxySteps): Effect.Effect<Attempt, ExchangeError> =>
  steps.proxy.scheme === "socks5" ? bySocks(steps) : byConnect(steps)

const authorityOf = ({ host, port }: WireUrl): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

const byConnect = (steps: ProxySteps): Effect.Effect<Attempt, ExchangeError> => {
  const { asker, proxy } = steps
  const about = { method: "CONNECT", target: authorityOf(steps.url), connection: undefined }
  return Effect.flatMap(steps.open, (attempt) => asked(steps, attempt, asker?.authorization(proxy, about), 1))
}

/** Asks on this connection; `sent` is what goes along. */
const asked = (
  steps: ProxySteps,
  attempt: Attempt,
  sent: ProxyAnswer | undefined,
  round: number
): Effect.Effect<Attempt, ExchangeError> => {
  const { asker, proxy, url } = steps
  return Effect.flatMap(steps.within(connectThrough(attempt, authorityOf(url), sent?.value)), (result) => {
    switch (result._tag) {
      case "Open":
        return sent === undefined || asker === undefined
          ? Effect.succeed(attempt)
          : Effect.as(asker.accepted(proxy, sent, { status: 200, fields: result.fields }), attempt)
      case "Failed":
        attempt.connection.destroy()
        return Effect.fail(proxyFailed(proxy, undefined, result.detail, result.cause, url.href))
      case "Refused":
        if (result.status === 407 && asker !== undefined) return answered(steps, asker, attempt, result, sent, round)
        attempt.connection.destroy()
        return Effect.fail(proxyFailed(proxy, result.status, undefined, undefined, url.href))
    }
  })
}

const answered = (
  steps: ProxySteps,
  asker: ProxyAsker,
  attempt: Attempt,
  refusal: Extract<TunnelResult, { readonly _tag: "Refused" }>,
  sent: ProxyAnswer | undefined,
  round: number
): Effect.Effect<Attempt, ExchangeError> => {
  const { proxy, rounds, url } = steps
  const about = { method: "CONNECT", target: authorityOf(url), connection: undefined }
  if (!refusal.alive) attempt.connection.destroy()
  if (round > rounds) {
    attempt.connection.destroy()
    return Effect.fail(new AuthenticationError({ url: url.href, reason: { _tag: "TooManyRounds", limit: rounds } }))
  }
  return Effect.flatMap(steps.deciding(asker.challenged(proxy, refusal, sent, about)), (more) => {
    if (more?.pinned === true) {
      if (refusal.alive && !attempt.broken) return asked(steps, attempt, more, round + 1)
      const detail = "it closes its connections in the middle of an exchange, which this scheme cannot bear"
      return Effect.fail(proxyFailed(proxy, 407, detail, undefined, url.href))
    }
    attempt.connection.destroy()
    return more === undefined
      ? Effect.fail(proxyFailed(proxy, 407, undefined, undefined, url.href))
      : Effect.flatMap(steps.open, (fresh) => asked(steps, fresh, more, round + 1))
  })
}

const bySocks = (steps: ProxySteps): Effect.Effect<Attempt, ExchangeError> => {
  const { proxy, url } = steps
  const fail = (detail: string, cause?: unknown) => Effect.fail(proxyFailed(proxy, undefined, detail, cause, url.href))
  const user = userOf(proxy)
  if (user === "unusable") return fail("its user and password must be of 1 to 255 bytes")
  if (new TextEncoder().encode(url.host).length > 255) return fail("the name of the host is too long for it")
  return Effect.flatMap(
    steps.open,
    (attempt) =>
      Effect.flatMap(steps.within(socksThrough(attempt, url.host, url.port, user)), (result) => {
        if (result._tag === "Open") return Effect.succeed(attempt)
        attempt.connection.destroy()
        return result._tag === "Failed" ? fail(result.detail, result.cause) : fail("it does not speak SOCKS 5")
      })
  )
}

const userOf = ({ credential }: ProxyServer): SocksUser | "unusable" | undefined => {
  if (credential === undefined) return undefined
  const [user, password] = [credential.user, Redacted.value(credential.password)].map((text) =>
    new TextEncoder().encode(text)
  )
  const fits = (bytes: Uint8Array | undefined): bytes is Uint8Array =>
    bytes !== undefined && bytes.length > 0 && bytes.length < 256
  return fits(user) && fits(password) ? { user, password } : "unusable"
}
