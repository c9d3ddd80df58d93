/**
 * Which connections may be made at all, by scheme and host: the role of App Transport Security.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { classify } from "./internal/protocol/address.ts"
import type { WireUrl } from "./Transport.ts"

/**
 * What the slot holds: `undefined` allows a URL, a text refuses it and says by which rule. Asked for every hop.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportSecurityService {
  readonly refuse: (url: WireUrl) => string | undefined
}

/**
 * The slot. Without it plain http is allowed.
 *
 * @since 0.1.0
 * @category slots
 */
export class TransportSecurity extends Context.Tag("@urlsession/core/TransportSecurity")<
  TransportSecurity,
  TransportSecurityService
>() {}

/**
 * Whether a host is this machine by its name or literal address (RFC 6761 6.3).
 *
 * @since 0.1.0
 * @category guards
 */
export const isLoopback = (host: string): boolean => {
  const name = host.endsWith(".") ? host.slice(0, -1) : host
  return name === "localhost" || name.endsWith(".localhost") || classify(name) === "loopback"
}

/**
 * Refuses plain http except to this machine.
 *
 * @since 0.1.0
 * @category layers
 */
export const strict: Layer.Layer<TransportSecurity> = Layer.succeed(TransportSecurity, {
  refuse: (url) =>
    url.scheme === "http" && !isLoopback(url.host)
      ? `plain http to ${url.host}; use https, or leave TransportSecurity.strict out`
      : undefined
})
