/**
 * The transport of Node: an engine of our own on `node:net`, `node:tls` and `node:http2`, with its capabilities.
 *
 * @since 0.1.0
 */
import {
  ClientIdentity,
  ConnectionBinding,
  CookieControl,
  ProxyControl,
  RedirectControl,
  ServerTrustControl,
  UploadProgress
} from "@urlsession/core/Capability"
import type { CapabilityName } from "@urlsession/core/Capability"
import type { Connectivity } from "@urlsession/core/Connectivity"
import type { ContentCodings } from "@urlsession/core/ContentCodings"
import type { Digests } from "@urlsession/core/Digests"
import type { ResolvedAddress } from "@urlsession/core/Resolver"
import { Transport } from "@urlsession/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { lookup as resolve } from "node:dns"
import { Engine } from "./internal/engine.ts"
import * as NodeConnectivity from "./NodeConnectivity.ts"
import * as NodeContentCodings from "./NodeContentCodings.ts"
import * as NodeDigests from "./NodeDigests.ts"

export type {
  /**
   * One address of a name.
   *
   * @since 0.1.0
   * @category models
   */
  ResolvedAddress
} from "@urlsession/core/Resolver"

/**
 * Resolves a name. What it fails with may carry a `code` as the errors of `node:dns` do: `ENOTFOUND` says that there is no
 * such host, `EAI_AGAIN` that asking again may help.
 *
 * @since 0.1.0
 * @category models
 */
export type Lookup = (host: string) => Effect.Effect<ReadonlyArray<ResolvedAddress>, unknown>

/**
 * How long answers about names hold. One that says how long (`ttl`) is kept for that time, a day at most.
 *
 * @since 0.1.0
 * @category models
 */
export interface NameSettings {
  /** Milliseconds for an answer that does not say, as those of the system's resolver; 30,000. 0 keeps none. */
  readonly ttl?: number
  /** Milliseconds for the answer that there is no such name; 1,000. */
  readonly negativeTtl?: number
  /** 1,000; the oldest answers go first. */
  readonly maximumNames?: number
}

/**
 * Settings of the engine; every one has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Configuration {
  /** By default the system's resolver (`dns.lookup`, all addresses, in its order). */
  readonly lookup?: Lookup
  /** Milliseconds for a name, and for a connection with its handshake; 60,000. */
  readonly connectTimeout?: number
  /** Milliseconds after which the next address is tried beside the one before (RFC 8305 5); 250. */
  readonly happyEyeballsDelay?: number
  /** For how long names are kept. `reset` and `flush` of a session forget them. */
  readonly names?: NameSettings
  /**
   * Hosts that are reached over Unix domain sockets, by name: `{ docker: "/var/run/docker.sock" }` for `http://docker/info`. No URL
   * can name a path, so no redirect leads to one, and the `AddressPolicy` is not asked for what is named here.
   */
  readonly unixSockets?: Readonly<Record<string, string>>
}

/**
 * What the transport of Node gives beside itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Capabilities =
  | Transport
  | ServerTrustControl
  | ClientIdentity
  | ConnectionBinding
  | ProxyControl
  | RedirectControl
  | CookieControl
  | UploadProgress
  | ContentCodings
  | Digests
  | Connectivity

const systemLookup: Lookup = (host) =>
  Effect.async((resume) => {
    resolve(host, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null) return resume(Effect.fail(error))
      resume(Effect.succeed(addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))))
    })
  })

const platform = "node"

const names: ReadonlySet<CapabilityName> = new Set<CapabilityName>([
  "ServerTrustControl",
  "ClientIdentity",
  "ConnectionBinding",
  "ProxyControl",
  "RedirectControl",
  "CookieControl",
  "UploadProgress"
])

/**
 * The transport with settings.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (configuration: Configuration): Layer.Layer<Capabilities> => {
  const settings = {
    lookup: configuration.lookup ?? systemLookup,
    connectTimeout: configuration.connectTimeout ?? 60_000,
    happyEyeballsDelay: configuration.happyEyeballsDelay ?? 250,
    names: {
      ttl: configuration.names?.ttl ?? 30_000,
      negativeTtl: configuration.names?.negativeTtl ?? 1000,
      maximumNames: Math.max(1, configuration.names?.maximumNames ?? 1000)
    },
    unixSockets: new Map(
      Object.entries(configuration.unixSockets ?? {}).map(([host, path]) => [host.toLowerCase(), path])
    )
  }
  const own = Layer.succeedContext(
    Context.make(Transport, {
      platform,
      capabilities: names,
      schemes: new Set(["http", "https"]),
      open: (options) =>
        Effect.acquireRelease(
          Effect.map(Effect.runtime<never>(), (runtime) => new Engine(options, settings, runtime)),
          (engine) => engine.shutdown
        )
    }).pipe(
      Context.add(ServerTrustControl, { name: "ServerTrustControl", platform }),
      Context.add(ClientIdentity, { name: "ClientIdentity", platform }),
      Context.add(ConnectionBinding, { name: "ConnectionBinding", platform }),
      Context.add(ProxyControl, { name: "ProxyControl", platform }),
      Context.add(RedirectControl, { name: "RedirectControl", platform }),
      Context.add(CookieControl, { name: "CookieControl", platform }),
      Context.add(UploadProgress, { name: "UploadProgress", platform })
    )
  )
  return Layer.mergeAll(own, NodeContentCodings.layer, NodeDigests.layer, NodeConnectivity.layer)
}

/**
 * The transport of Node, with what it can do: server trust, client certificates, redirects, cookies and upload progress are in
 * the session's hands. HTTP/1.1 over TCP and TLS, and HTTP/2 where a server agrees on it by ALPN.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Capabilities> = layerWith({})
