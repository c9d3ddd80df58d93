/** What is known of a connection, and how one is kept from one request to the next. */
import type { ProxyServer } from "../Proxy.ts"
import type { ServerTrust } from "../ServerTrust.ts"

/**
 * What is known about the connection of an exchange; one value per connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionInfo {
  readonly id: number
  /** The ALPN name: `http/1.1` or `h2`. */
  readonly protocol: string
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly trust: ServerTrust | undefined
  /**
   * The server was accepted against the platform's verdict: nothing of it is cached, it teaches no HSTS, and no credential is sent
   * over it unasked. Cookies are exchanged: whoever accepts a server of their own wants to sign in at it.
   */
  readonly overridden: boolean
  /** The proxy in between; the remote address is its own then. */
  readonly proxy?: ProxyServer | undefined
}

/**
 * A connection that is kept for the next request of an exchange of messages.
 *
 * @since 0.1.0
 * @category models
 */
export interface HeldConnection {
  readonly info: ConnectionInfo
  /** It is not needed any more: lent to others of the same user if it is `reusable`, else closed. Idempotent. */
  readonly release: (reusable: boolean) => void
}

/**
 * For a scheme that authenticates connections: whose they are, and the one that is kept from one message to the next. A
 * transport has to have the capability `ConnectionBinding` for it. Only HTTP/1.1 is spoken.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionAffinity {
  /** By its identity part of the key under which connections are pooled. */
  readonly user: object
  /** Whether the connection of the request is to be kept, as `held`, once its response has arrived. */
  readonly holding: boolean
  /** The request must go over `held`; where that is lost, it fails with `NetworkConnectionLost` and is not sent. */
  readonly pinned: boolean
  /** The connection of the last request, for as long as it is kept and alive; with the next one it is given back to the transport. */
  readonly held: HeldConnection | undefined
  /** A response is off the wire, and its connection has been kept. */
  readonly kept: (held: HeldConnection) => void
  /** A response is off the wire, or the request failed, and its connection is of no more use; or the one kept has ended. */
  readonly lost: () => void
}
