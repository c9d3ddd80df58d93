/**
 * What a platform can do beyond sending a request: tags that only a platform's Layer provides, so that the compiler tells
 * where a program cannot run.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The names of all capabilities, as a transport lists them at run time.
 *
 * @since 0.1.0
 * @category models
 */
export type CapabilityName =
  | "ServerTrustControl"
  | "ClientIdentity"
  | "ConnectionBinding"
  | "ProxyControl"
  | "RedirectControl"
  | "CookieControl"
  | "UploadProgress"
  | "StreamSockets"
  | "DurableTransfers"

/**
 * A capability's value: its own name, and the platform that gives it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capability<Name extends CapabilityName> {
  readonly name: Name
  readonly platform: string
}

/**
 * The platform shows the server's certificate chain and lets the session decide on it.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class ServerTrustControl extends Context.Tag("@urlsession/core/ServerTrustControl")<
  ServerTrustControl,
  Capability<"ServerTrustControl">
>() {}

/**
 * The platform can present a client certificate.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class ClientIdentity extends Context.Tag("@urlsession/core/ClientIdentity")<
  ClientIdentity,
  Capability<"ClientIdentity">
>() {}

/**
 * The platform lets the session pin an exchange of messages to one connection, as NTLM and Negotiate need it.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class ConnectionBinding extends Context.Tag("@urlsession/core/ConnectionBinding")<
  ConnectionBinding,
  Capability<"ConnectionBinding">
>() {}

/**
 * The platform lets the session choose a proxy.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class ProxyControl extends Context.Tag("@urlsession/core/ProxyControl")<
  ProxyControl,
  Capability<"ProxyControl">
>() {}

/**
 * The platform shows redirects to the session instead of following them by itself.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class RedirectControl extends Context.Tag("@urlsession/core/RedirectControl")<
  RedirectControl,
  Capability<"RedirectControl">
>() {}

/**
 * The platform shows `Set-Cookie` and lets the session send `Cookie`.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class CookieControl extends Context.Tag("@urlsession/core/CookieControl")<
  CookieControl,
  Capability<"CookieControl">
>() {}

/**
 * The platform reports how much of a request's body has been sent.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class UploadProgress extends Context.Tag("@urlsession/core/UploadProgress")<
  UploadProgress,
  Capability<"UploadProgress">
>() {}

/**
 * The platform opens plain TCP streams.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class StreamSockets extends Context.Tag("@urlsession/core/StreamSockets")<
  StreamSockets,
  Capability<"StreamSockets">
>() {}

/**
 * The platform keeps transfers beyond the life of the process.
 *
 * @since 0.1.0
 * @category capabilities
 */
export class DurableTransfers extends Context.Tag("@urlsession/core/DurableTransfers")<
  DurableTransfers,
  Capability<"DurableTransfers">
>() {}
