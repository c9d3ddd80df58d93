/**
 * Tokens by OAuth 2.0 (RFC 6749): client credentials and refresh tokens, as refreshes of a `TokenProvider`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { RedirectControl } from "./Capability.ts"
import * as Credential from "./Credential.ts"
import * as RedirectHandler from "./RedirectHandler.ts"
import * as RequestBody from "./RequestBody.ts"
import * as RequestOptions from "./RequestOptions.ts"
import type { ExchangeError } from "./SessionError.ts"
import { withBody } from "./SessionRequest.ts"
import * as TaskDelegate from "./TaskDelegate.ts"
import { isLoopback } from "./TransportSecurity.ts"
import * as UrlSession from "./UrlSession.ts"

/**
 * Who this client is, and where it gets its tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Of https, or of this machine. Redirects of it are not followed. */
  readonly tokenEndpoint: string
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret?: Redacted.Redacted
  /** How the secret is sent (RFC 6749 2.3.1): `basic` in `Authorization`, `post` in the form. `basic`. */
  readonly authentication?: "basic" | "post"
  /** Scopes, separated by blanks. */
  readonly scope?: string
}

/**
 * A token endpoint that gave no token. `Refused`: it said so (RFC 6749 5.2), and `error` is its code, such as `invalid_grant`.
 * `Unusable`: what it answered is no token. `Insecure`: nothing was sent, since the endpoint is neither https nor this machine's.
 * `detail` is a text for people, without a secret in it.
 *
 * @since 0.1.0
 * @category errors
 */
export class OAuthError extends Data.TaggedError("OAuthError")<{
  readonly reason: "Refused" | "Unusable" | "Insecure"
  readonly error: string | undefined
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * What a token endpoint gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tokens {
  readonly token: Credential.TokenCredential
  readonly refreshToken: Option.Option<Redacted.Redacted>
  /** What was granted, where that is another scope than was asked for. */
  readonly scope: Option.Option<string>
}

const seconds = Schema.Union(Schema.NonNegative, Schema.NumberFromString.pipe(Schema.nonNegative()))

const Granted = Schema.parseJson(Schema.Struct({
  access_token: Schema.NonEmptyString,
  token_type: Schema.String,
  expires_in: Schema.optional(seconds),
  refresh_token: Schema.optional(Schema.NonEmptyString),
  scope: Schema.optional(Schema.String)
}))

const Refusal = Schema.parseJson(Schema.Struct({
  error: Schema.String,
  error_description: Schema.optional(Schema.String)
}))

/** A response with a token is short. */
const longest = 256 * 1024

/** Of what a server says only what can be printed, and not much of it. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200)

const unusable = (detail: string) => new OAuthError({ reason: "Unusable", error: undefined, detail })

const refusal = (status: number, text: string): OAuthError => {
  const read = Schema.decodeUnknownOption(Refusal)(text)
  const error = Option.map(read, (one) => printable(one.error))
  const said = Option.flatMapNullable(read, (one) => one.error_description)
  return new OAuthError({
    reason: "Refused",
    error: Option.getOrUndefined(error),
    detail: `the token endpoint refused (status ${status}${
      Option.match(error, { onNone: () => "", onSome: (code) => `, ${code}` })
    })${Option.match(said, { onNone: () => "", onSome: (text) => `: ${printable(text)}` })}`
  })
}

const tokensOf = (text: string, now: number): Effect.Effect<Tokens, OAuthError> =>
  Effect.flatMap(
    Effect.mapError(Schema.decodeUnknown(Granted)(text), () =>
      unusable("the token endpoint answered with something else than a token (RFC 6749 5.1)")),
    (granted) => {
      if (granted.token_type.toLowerCase() !== "bearer") {
        return Effect.fail(
          unusable(`the token endpoint gave a token of type ${printable(granted.token_type)}, not Bearer`)
        )
      }
      if (!/^[\x21-\x7e]+$/.test(granted.access_token)) {
        return Effect.fail(unusable("the token has characters in it that no field can hold (RFC 6750 2.1)"))
      }
      return Effect.succeed({
        token: Credential.token({
          token: granted.access_token,
          expiresAt: granted.expires_in === undefined ? undefined : now + granted.expires_in * 1000
        }),
        refreshToken: Option.map(Option.fromNullable(granted.refresh_token), (one) =>
          Redacted.make(one)),
        scope: Option.fromNullable(granted.scope)
      })
    }
  )

const isSecure = (endpoint: string): boolean => {
  try {
    const { hostname, protocol } = new URL(endpoint)
    return protocol === "https:" || (protocol === "http:" && isLoopback(hostname.replace(/^\[|\]$/g, "")))
  } catch {
    return false
  }
}

/** As in a form: what is not a letter, a digit or one of `*-._` is encoded, and a blank is a plus. */
const formEncoded = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")

const base64 = (text: string): string => {
  let binary = ""
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * One request to a token endpoint, through the session of the context, on a platform that lets it see redirects: a form with a
 * secret goes where it was meant to, and nowhere else. The session's Bearer entry is not asked about it while a `TokenProvider`
 * refreshes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const request = (
  client: Client,
  grant: Readonly<Record<string, string>>
): Effect.Effect<Tokens, OAuthError | ExchangeError, UrlSession.UrlSession | RedirectControl> =>
  Effect.gen(function*() {
    if (!isSecure(client.tokenEndpoint)) {
      const detail = "the token endpoint is neither https nor on this machine: nothing was sent to it"
      return yield* new OAuthError({ reason: "Insecure", error: undefined, detail })
    }
    const { clientId, clientSecret } = client
    const form: Array<readonly [string, string]> = Object.entries(grant)
    if (client.scope !== undefined) form.push(["scope", client.scope])
    const inHeader = clientSecret !== undefined && client.authentication !== "post"
    if (!inHeader) form.push(["client_id", clientId])
    if (clientSecret !== undefined && !inHeader) form.push(["client_secret", Redacted.value(clientSecret)])
    const text = form.map(([name, value]) => `${name}=${formEncoded(value)}`).join("&")
    // both parts are encoded as in a form first (RFC 6749 2.3.1)
    const secret = inHeader ? `${formEncoded(clientId)}:${formEncoded(Redacted.value(clientSecret))}` : ""
    const asked = withBody(
      client.tokenEndpoint,
      RequestBody.text(text, "application/x-www-form-urlencoded"),
      { accept: "application/json", ...(inHeader ? { authorization: `Basic ${base64(secret)}` } : {}) }
    )
    const session = yield* UrlSession.UrlSession
    yield* RedirectControl
    const [bytes, response] = yield* session.data(asked).pipe(
      TaskDelegate.provide({ redirect: { decide: () => Effect.succeed(RedirectHandler.stop) } }),
      RequestOptions.with({ maximumBodyBytes: longest, cachePolicy: "reloadIgnoringLocalCacheData" })
    )
    const answer = new TextDecoder().decode(bytes)
    if (response.status !== 200) return yield* refusal(response.status, answer)
    return yield* tokensOf(answer, yield* Clock.currentTimeMillis)
  })

/** What every refresh of these needs, and may fail with. */
type Refresh<E = never> = Effect.Effect<
  Credential.TokenCredential,
  OAuthError | ExchangeError | E,
  UrlSession.UrlSession | RedirectControl
>

/**
 * The refresh of a client that speaks for itself (RFC 6749 4.4).
 *
 * @example
 * ```ts
 * import { ChallengeResolver, OAuth, TokenProvider } from "@urlsession/core"
 * import { Config, Effect, Layer } from "effect"
 *
 * // a session of its own asks for the tokens
 * const Delegate = Layer.unwrapEffect(Effect.gen(function*() {
 *   const clientSecret = yield* Config.redacted("CLIENT_SECRET")
 *   const tokens = yield* TokenProvider.make({
 *     refresh: OAuth.clientCredentials({ tokenEndpoint: "https://login.example.com/token", clientId: "reports", clientSecret })
 *   })
 *   return ChallengeResolver.layer({ Bearer: TokenProvider.bearer({ origin: "https://api.example.com" }, tokens) })
 * }))
 * ```
 *
 * @since 0.1.0
 * @category refreshes
 */
export const clientCredentials = (client: Client) => (): Refresh =>
  Effect.map(request(client, { grant_type: "client_credentials" }), ({ token }) => token)

/**
 * Where a refresh token is kept. Servers give a new one with many a refresh and take the old one no more, so that `write` has to be
 * done before the new access token is used.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefreshTokenStore<out E = never> {
  readonly read: Effect.Effect<Option.Option<Redacted.Redacted>, E>
  readonly write: (token: Redacted.Redacted) => Effect.Effect<void, E>
}

/**
 * A store in memory.
 *
 * @since 0.1.0
 * @category stores
 */
export const memoryStore = (initial: Redacted.Redacted): RefreshTokenStore => {
  let current = initial
  return {
    read: Effect.sync(() => Option.some(current)),
    write: (token) =>
      Effect.sync(() => {
        current = token
      })
  }
}

/**
 * The refresh by a refresh token (RFC 6749 6). A new refresh token takes the place of the old one before the access token is given
 * out. From the answer of the server on it cannot be interrupted: a token that the server has changed must not be lost.
 *
 * @since 0.1.0
 * @category refreshes
 */
export const refreshToken = <E>(client: Client, store: RefreshTokenStore<E>) => (): Refresh<E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(store.read, (stored) =>
      Option.match(stored, {
        onNone: () =>
          Effect.fail(
            new OAuthError({
              reason: "Refused",
              error: undefined,
              detail: "there is no refresh token: the user has to sign in"
            })
          ),
        onSome: (current) =>
          Effect.flatMap(
            restore(request(client, { grant_type: "refresh_token", refresh_token: Redacted.value(current) })),
            ({ refreshToken: next, token }) =>
              Effect.as(Option.match(next, { onNone: () => Effect.void, onSome: store.write }), token)
          )
      }))
  )
