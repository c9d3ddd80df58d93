/**
 * The extension point for schemes of HTTP authentication (RFC 9110 11) that are answered with a user and a password: a scheme is
 * a value, made of pure steps or of effects, and is given to a session as a Layer. Nothing of the session has to be touched for it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { PasswordCredential } from "./Credential.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import type { ConnectionInfo } from "./internal/connectionInfo.ts"
import type { ProtectionSpace } from "./ProtectionSpace.ts"

/**
 * What a server says in one challenge (RFC 9110 11.3): either parameters or a token68. The names of parameters are in lower case,
 * their values unquoted.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemeChallenge {
  /** Of this scheme as its method; without a realm where the server names none. */
  readonly space: ProtectionSpace
  readonly params: ReadonlyMap<string, string>
  readonly token68: string | undefined
}

/**
 * The request that is about to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemeRequest {
  readonly method: string
  /** Path and query; host and port for CONNECT. */
  readonly target: string
  /**
   * For a scheme that is bound to a connection: the one that the exchange is pinned to, from its second message on. Its `trust`
   * has the certificate that channel bindings are made of (RFC 5929).
   */
  readonly connection: ConnectionInfo | undefined
}

/**
 * The head of the response that let the request in.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemeResponse {
  readonly status: number
  /** The final fields of the head. */
  readonly fields: HeaderFields
}

/**
 * Why a scheme cannot go on. `CredentialUnusable`: the scheme cannot carry this user or password. `ServerNotAuthenticated`: the
 * server has not proved that it knows the password. `Malformed`: what it said is not of this scheme. `detail` is a clause for
 * people, without a secret in it.
 *
 * @since 0.1.0
 * @category errors
 */
export class SchemeError extends Data.TaggedError("SchemeError")<{
  readonly reason: "CredentialUnusable" | "ServerNotAuthenticated" | "Malformed"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * One run of a scheme: for one credential, begun by one challenge, over as many messages as it takes. Used by one request at a
 * time, in this order: `next`, and then `challenged` or `accepted`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemeExchange {
  /** The value of `Authorization` (or `Proxy-Authorization`) for the next sending, the name of the scheme included. */
  readonly next: (request: SchemeRequest) => Effect.Effect<Redacted.Redacted, SchemeError>
  /**
   * The server challenges again by this scheme. `Continue`: that is the next message, and `next` has an answer. `Refused`: the
   * credential has not been accepted.
   */
  readonly challenged: (challenge: SchemeChallenge) => Effect.Effect<"Continue" | "Refused", SchemeError>
  /** The request was let in: checks the server's proof, where the scheme has one. */
  readonly accepted: (response: SchemeResponse) => Effect.Effect<void, SchemeError>
}

/**
 * A scheme.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationScheme {
  /** As it stands in the field, for example `SCRAM-SHA-256`; compared without case. It is the method of the protection space. */
  readonly name: string
  /**
   * Of several challenges the strongest is tried first. Built in are Negotiate 60, Bearer 50, Digest with a hash of the SHA-2
   * family 30, NTLM 20, Digest with MD5 10, Basic 0.
   */
  readonly strength: number
  /**
   * `connection`: the messages of an exchange go over one connection, which is then authenticated for this user, and lent to no
   * other. Never over HTTP/2.
   */
  readonly binding: "request" | "connection"
  /** Whoever reads what is sent learns no secret by it: then default handling answers over plain http, too. */
  readonly hidesSecret: boolean
  /** Whether a challenge can be answered at all; one that cannot is passed over. */
  readonly answers: (challenge: Pick<SchemeChallenge, "params" | "token68">) => boolean
  /**
   * Begins an exchange. Where `challenge` has been answered before in this session, it is that one again: an exchange that is
   * sent ahead of any challenge.
   */
  readonly begin: (
    challenge: SchemeChallenge,
    credential: PasswordCredential
  ) => Effect.Effect<SchemeExchange, SchemeError>
}

/**
 * The schemes that a session knows besides its own. Read once, when the session is built; one with the name of a built-in scheme
 * takes its place.
 *
 * @since 0.1.0
 * @category services
 */
export class AuthenticationSchemes extends Context.Tag("@urlsession/core/AuthenticationSchemes")<
  AuthenticationSchemes,
  ReadonlyArray<AuthenticationScheme>
>() {}

/**
 * Schemes for the session that is built with this Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (...schemes: ReadonlyArray<AuthenticationScheme>): Layer.Layer<AuthenticationSchemes> =>
  Layer.succeed(AuthenticationSchemes, schemes)

/**
 * The same for schemes that are made of services, such as `Digests`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEffect: <E, R>(
  schemes: Effect.Effect<ReadonlyArray<AuthenticationScheme>, E, R>
) => Layer.Layer<AuthenticationSchemes, E, R> = (schemes) => Layer.effect(AuthenticationSchemes, schemes)
