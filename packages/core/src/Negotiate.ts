/**
 * Negotiate (RFC 4559): tokens of a security mechanism, carried by HTTP. Which mechanism that is a `SecurityContextProvider` decides:
 * NTLM unless another one is given to the session, as one for Kerberos.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AuthenticationScheme, SchemeExchange, SchemeRequest } from "./AuthenticationScheme.ts"
import { SchemeError } from "./AuthenticationScheme.ts"
import type { PasswordCredential } from "./Credential.ts"
import * as Ntlm from "./Ntlm.ts"

/**
 * One context of a mechanism (RFC 2743 2.2): a token out for each token in, until it is complete.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecurityContext {
  /**
   * The next token for the server; `input` is its last one, `undefined` at the beginning. `undefined` out: there is nothing more
   * to say, and what the server says is right.
   */
  readonly step: (
    input: Uint8Array | undefined,
    request: SchemeRequest
  ) => Effect.Effect<Uint8Array | undefined, SchemeError>
  /** The server has to answer with a last token that `step` takes (mutual authentication). */
  readonly mutual: boolean
}

/**
 * Makes contexts.
 *
 * @since 0.1.0
 * @category models
 */
export interface SecurityContextProviderService {
  /** For a user at `HTTP/host`; the host is in lower case. */
  readonly open: (credential: PasswordCredential, host: string) => Effect.Effect<SecurityContext, SchemeError>
}

/**
 * The slot. Read once, when the session is built; a session without one has NTLM.
 *
 * @since 0.1.0
 * @category services
 */
export class SecurityContextProvider extends Context.Tag("@urlsession/core/SecurityContextProvider")<
  SecurityContextProvider,
  SecurityContextProviderService
>() {}

/**
 * NTLM as the mechanism, with its messages as they are: servers know them by their beginning.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ntlmProvider = (parts: Ntlm.Parts): SecurityContextProviderService => ({
  open: (credential, host) =>
    Effect.sync(() => {
      const messages = Ntlm.messages(parts, credential, host)
      return {
        mutual: false,
        step: (input, request) =>
          input === undefined
            ? Effect.succeed(messages.negotiate)
            : Effect.zipRight(messages.challenge(input), messages.authenticate(request))
      }
    })
})

const finalToken = /^\s*negotiate\s+([A-Za-z0-9+/=]+)\s*$/i

/** A provider that never comes to an end must not be asked for ever. */
const longest = 16

const exchangeOf = (context: SecurityContext): SchemeExchange => {
  let input: Uint8Array | undefined = undefined
  let steps = 0
  return {
    next: (request) =>
      Effect.suspend(() => {
        steps++
        return Effect.map(
          context.step(input, request),
          (token) => Ntlm.tokenField("Negotiate", token ?? new Uint8Array(0))
        )
      }),
    challenged: ({ token68 }) =>
      Effect.suspend((): Effect.Effect<"Continue" | "Refused", SchemeError> => {
        if (token68 === undefined || steps >= longest) return Effect.succeed("Refused")
        const bytes = Ntlm.tokenBytes(token68)
        if (bytes === undefined) {
          return Effect.fail(new SchemeError({ reason: "Malformed", detail: "the token of the server is not base64" }))
        }
        input = bytes
        return Effect.succeed("Continue")
      }),
    accepted: ({ fields }) =>
      Effect.suspend((): Effect.Effect<void, SchemeError> => {
        const token = fields.getAll("www-authenticate").concat(fields.getAll("authentication-info")).flatMap((value) =>
          finalToken.exec(value)?.[1] ?? []
        )[0]
        const bytes = token === undefined ? undefined : Ntlm.tokenBytes(token)
        const unproven = new SchemeError({
          reason: "ServerNotAuthenticated",
          detail: "the server has not proved who it is, which this mechanism demands"
        })
        if (bytes === undefined) {
          return context.mutual ? Effect.fail(unproven) : Effect.void
        }
        if (!context.mutual) {
          return Effect.void
        }
        return Effect.flatMap(
          context.step(bytes, { method: "", target: "", connection: undefined }),
          (more) =>
            more === undefined ? Effect.void : Effect.fail(unproven)
        )
      })
  }
}

/**
 * The scheme.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (provider: SecurityContextProviderService): AuthenticationScheme => ({
  name: "Negotiate",
  strength: 60,
  binding: "connection",
  hidesSecret: true,
  answers: ({ params }) => params.size === 0,
  begin: ({ space }, credential) => Effect.map(provider.open(credential, space.host), exchangeOf)
})
