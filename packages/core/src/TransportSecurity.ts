/**
 * Which connections may be made at all, by scheme, host and strength: the role of App Transport Security.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { isLoopbackHost } from "./internal/protocol/address.ts"
import { weaknessOf } from "./internal/protocol/certificateStrength.ts"
import type { ServerTrust } from "./ServerTrust.ts"
import type { WireUrl } from "./Transport.ts"

/**
 * Why a connection is too weak: by what was negotiated, or by a certificate.
 *
 * @since 0.1.0
 * @category models
 */
export interface Weakness {
  readonly of: "connection" | "certificate"
  readonly detail: string
}

/**
 * What the slot holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportSecurityService {
  /** `undefined` allows a URL, a text refuses it and says by which rule. Asked for every hop, after an upgrade to https. */
  readonly refuse: (url: WireUrl) => string | undefined
  /**
   * Asked after every handshake, and after whoever else decides on the server, before a byte of a request is sent; not asked
   * where the platform does not show its handshakes.
   */
  readonly judge?: (trust: ServerTrust) => Weakness | undefined
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
export const isLoopback: (host: string) => boolean = isLoopbackHost

/**
 * What is asked of connections; the rules of Apple's App Transport Security unless said otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Requirements {
  /** Plain http is allowed. Off. */
  readonly allowsInsecureHttp?: boolean
  /** `TLSv1.2`. */
  readonly minimumTlsVersion?: "TLSv1.2" | "TLSv1.3"
  /** Keys of a connection that a stolen certificate does not give away: TLS 1.3, or ECDHE. On. */
  readonly requiresForwardSecrecy?: boolean
  /** Certificates with RSA keys of 2048 bits or elliptic ones of 256, signed with SHA-256 or better. On. */
  readonly requiresStrongCertificates?: boolean
}

/**
 * Other requirements for one domain.
 *
 * @since 0.1.0
 * @category models
 */
export interface DomainException extends Requirements {
  /** A host, in any case. */
  readonly domain: string
  /** Off. */
  readonly includesSubdomains?: boolean
}

const hostOf = (host: string): string => (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase()

/** The exception with the longest name that covers a host. */
const exceptionFor = (exceptions: ReadonlyArray<DomainException>, host: string): Requirements | undefined => {
  const name = hostOf(host)
  let best: DomainException | undefined
  for (const one of exceptions) {
    const domain = hostOf(one.domain)
    const covers = name === domain || (one.includesSubdomains === true && name.endsWith(`.${domain}`))
    if (covers && domain.length > (best?.domain.length ?? -1)) best = one
  }
  return best
}

const tls13 = "TLSv1.3"

const judge = (trust: ServerTrust, requirements: Requirements): Weakness | undefined => {
  const { cipher, protocol } = trust
  const least = requirements.minimumTlsVersion ?? "TLSv1.2"
  if (protocol !== tls13 && protocol !== least) {
    return { of: "connection", detail: `the server speaks ${protocol}, and TransportSecurity wants ${least}` }
  }
  if (requirements.requiresForwardSecrecy !== false && protocol !== tls13 && !cipher.includes("_ECDHE_")) {
    return { of: "connection", detail: `${cipher} has no forward secrecy, which TransportSecurity wants` }
  }
  const detail = requirements.requiresStrongCertificates === false ? undefined : weaknessOf(trust.chain)
  return detail === undefined ? undefined : { of: "certificate", detail }
}

/**
 * Requirements for all hosts, and others for some domains: what an exception does not say is as for all. Plain http to this
 * machine is always allowed.
 *
 * @example
 * ```ts
 * import { SessionConfiguration, TransportSecurity, UrlSession } from "@urlsession/core"
 *
 * const Session = UrlSession.layer(
 *   SessionConfiguration.default,
 *   TransportSecurity.layer({ minimumTlsVersion: "TLSv1.3" }, [
 *     { domain: "legacy.example.com", minimumTlsVersion: "TLSv1.2", requiresForwardSecrecy: false },
 *     { domain: "intranet.example", includesSubdomains: true, allowsInsecureHttp: true }
 *   ])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  requirements: Requirements = {},
  exceptions: ReadonlyArray<DomainException> = []
): Layer.Layer<TransportSecurity> => {
  const of = (host: string): Requirements => ({ ...requirements, ...exceptionFor(exceptions, host) })
  return Layer.succeed(TransportSecurity, {
    refuse: (url) =>
      url.scheme !== "http" || isLoopbackHost(url.host) || of(url.host).allowsInsecureHttp === true
        ? undefined
        : `plain http to ${url.host}; use https, or leave TransportSecurity.strict out`,
    judge: (trust) => judge(trust, of(trust.host))
  })
}

/**
 * Refuses plain http except to this machine, and TLS that is older than 1.2, has no forward secrecy, or shows certificates with
 * short keys or old signatures.
 *
 * @since 0.1.0
 * @category layers
 */
export const strict: Layer.Layer<TransportSecurity> = layer()
