/** Who answers the questions of a connection: of servers about themselves, and of servers and proxies about their client. */
import type * as Effect from "effect/Effect"
import type { IdentityCredential } from "../Credential.ts"
import type { HeaderFields } from "../HeaderFields.ts"
import type { ProxyServer } from "../Proxy.ts"
import type { Roots, ServerTrust } from "../ServerTrust.ts"
import type { AuthenticationError, ExchangeError, TlsError } from "../SessionError.ts"
import type { ConnectionInfo } from "./connectionInfo.ts"

/**
 * What was answered to a server that asks for a client certificate: an identity, or to go on without one.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityAnswer {
  readonly identity: IdentityCredential | undefined
}

/**
 * Who answers servers that ask for a client certificate, and what has been answered. A transport offers what is `known` in
 * its first handshake; where that is nothing and the server asks, it asks too, once the server has been judged.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityAsker {
  /** The answer that holds for this server; `undefined` where it has not been asked for. */
  readonly known: (host: string, port: number) => IdentityAnswer | undefined
  /** Asks, once for all that ask at the same time; the answer is `known` from then on. Interruptible. */
  readonly ask: (host: string, port: number) => Effect.Effect<IdentityAnswer, AuthenticationError>
  /** The server refused this identity, or it cannot be used: it is forgotten, and counts as a failure. */
  readonly refused: (host: string, port: number, identity: IdentityCredential) => void
}

/**
 * What is sent to a proxy that wants to know who is there, and by what it is known again.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyAnswer {
  /** Of `Proxy-Authorization`; `undefined` where only the connection says who is there. */
  readonly value: string | undefined
  readonly token: object
  /** Whose connections these are, where a scheme authenticates them. */
  readonly user: object | undefined
  /** It goes over the connection of the answer before, or not at all. */
  readonly pinned: boolean
}

/**
 * The request that a proxy has refused, or that goes to it next.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyRequest {
  /** `CONNECT` for a tunnel. */
  readonly method: string
  /** The whole URL; host and port for `CONNECT`. */
  readonly target: string
  /** The connection to the proxy, where one is kept. */
  readonly connection: ConnectionInfo | undefined
}

/**
 * The answer of a proxy: to a request, or to connect. Nothing else of it counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyRefusal {
  readonly status: number
  readonly fields: HeaderFields
}

/**
 * Who answers proxies, and what they were answered. What is sent to them is never a field of a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyAsker {
  /** What goes with the next request of this method and target; a new one for each (Digest counts them). */
  readonly authorization: (proxy: ProxyServer, request: ProxyRequest) => ProxyAnswer | undefined
  /** The proxy asks, or has refused what was sent. Succeeds with what to send now, if there is anything (else). */
  readonly challenged: (
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    sent: ProxyAnswer | undefined,
    request: ProxyRequest
  ) => Effect.Effect<ProxyAnswer | undefined, ExchangeError>
  /** The proxy took it; fails where it has to prove itself in its turn and does not. */
  readonly accepted: (
    proxy: ProxyServer,
    sent: ProxyAnswer,
    response: ProxyRefusal
  ) => Effect.Effect<void, ExchangeError>
}

/**
 * Who decides on server certificates, and on client certificates, for an exchange. Its identity is part of the key under
 * which a connection is pooled: a connection accepted by one is never lent to another.
 *
 * @since 0.1.0
 * @category models
 */
export interface TrustAsker {
  readonly roots: Roots
  /** Those for one host, where they differ by host. */
  readonly rootsFor?: ((host: string) => Roots) | undefined
  /** `undefined`: the platform's verdict and RFC 9525 decide. Fails with what ends the connection attempt. */
  readonly decide: ((trust: ServerTrust) => Effect.Effect<TrustDecision, TlsError | AuthenticationError>) | undefined
  /** Absent: connections go on without a client certificate, and nobody is asked. */
  readonly identity?: IdentityAsker | undefined
  /** Absent: proxies that ask are not answered. */
  readonly proxy?: ProxyAsker | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TrustDecision {
  /** Accepted against the platform's verdict. */
  readonly overridden: boolean
  /**
   * Not accepted yet: the connection is closed and made anew, once, with these roots, and its server is judged again. A second
   * such answer refuses it: `ServerTrust.undecided`.
   */
  readonly retryWith?: Roots | undefined
}
