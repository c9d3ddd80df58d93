/**
 * NTLM over HTTP (MS-NTHT, MS-NLMP): version 2 of the response, with a message integrity code and channel bindings. A session whose
 * transport keeps connections knows it without being told; what is here is for whoever builds a list of schemes of their own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import {
  type AuthenticationScheme,
  SchemeError,
  type SchemeExchange,
  type SchemeRequest
} from "./AuthenticationScheme.ts"
import type { PasswordCredential } from "./Credential.ts"
import type { DigestsService, HashName } from "./Digests.ts"
import { fromHex } from "./internal/protocol/ntlm/bytes.ts"
import { channelBindings } from "./internal/protocol/ntlm/channelBinding.ts"
import {
  authenticateMessage,
  challengeMessage,
  negotiateMessage,
  type ServerChallenge
} from "./internal/protocol/ntlm/messages.ts"

/**
 * What the scheme is made of: hash functions, and the time in milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parts {
  readonly digests: DigestsService
  readonly now: () => number
}

/**
 * The messages of one exchange, as tokens that anything may carry.
 *
 * @since 0.1.0
 * @category models
 */
export interface Messages {
  /** The first message. */
  readonly negotiate: Uint8Array
  /** Reads the server's message; fails with `Malformed` where it is none. */
  readonly challenge: (message: Uint8Array) => Effect.Effect<void, SchemeError>
  /** The last message, once the server's has been read. */
  readonly authenticate: (request: SchemeRequest) => Effect.Effect<Uint8Array, SchemeError>
}

/** `DOMAIN\user`; `user@domain` goes whole, as Windows has it. */
const nameOf = (user: string): { readonly domain: string; readonly user: string } => {
  const slash = user.indexOf("\\")
  return slash < 0 ? { domain: "", user } : { domain: user.slice(0, slash), user: user.slice(slash + 1) }
}

const malformed = (detail: string) =>
  new SchemeError({ reason: "Malformed", detail: `the message of the server cannot be answered: ${detail}` })

/**
 * The messages for a user at a host.
 *
 * @since 0.1.0
 * @category constructors
 */
export const messages = ({ digests, now }: Parts, credential: PasswordCredential, host: string): Messages => {
  const md5 = (data: Uint8Array): Uint8Array => fromHex(digests.md5(data))
  const hash = (name: HashName, data: Uint8Array): Uint8Array => {
    const hasher = digests.hasher(name)
    hasher.update(data)
    return fromHex(hasher.digest())
  }
  const negotiate = negotiateMessage()
  let server: ServerChallenge | undefined = undefined
  return {
    negotiate,
    challenge: (message) =>
      Effect.suspend(() => {
        const read = challengeMessage(message)
        if (typeof read === "string") return Effect.fail(malformed(read))
        server = read
        return Effect.void
      }),
    authenticate: ({ connection }) =>
      Effect.suspend(() => {
        if (server === undefined) return Effect.fail(malformed("there is none"))
        const answer = {
          ...nameOf(credential.user),
          password: Redacted.value(credential.password),
          clientChallenge: fromHex(digests.randomHex(8)),
          now: now(),
          channelBindings: channelBindings(connection?.trust?.chain[0]?.der, hash),
          targetName: `HTTP/${host}`,
          negotiate
        }
        return Effect.succeed(authenticateMessage(md5, server, answer))
      })
  }
}

/**
 * The bytes of a token; `undefined` for what is not base64.
 *
 * @since 0.1.0
 * @category accessors
 */
export const tokenBytes = (token: string): Uint8Array | undefined => {
  try {
    return Uint8Array.from(atob(token), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

const base64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * The value of a field with a token.
 *
 * @since 0.1.0
 * @category constructors
 */
export const tokenField = (scheme: string, token: Uint8Array): Redacted.Redacted =>
  Redacted.make(`${scheme} ${base64(token)}`)

const exchangeOf = (parts: Messages): SchemeExchange => {
  let heard = false
  return {
    next: (request) =>
      Effect.map(
        heard ? parts.authenticate(request) : Effect.succeed(parts.negotiate),
        (token) => tokenField("NTLM", token)
      ),
    challenged: ({ token68 }) =>
      Effect.suspend((): Effect.Effect<"Continue" | "Refused", SchemeError> => {
        // without a message it is a new beginning: the answer was refused
        if (token68 === undefined || heard) return Effect.succeed("Refused")
        const message = tokenBytes(token68)
        if (message === undefined) return Effect.fail(malformed("it is not base64"))
        heard = true
        return Effect.as(parts.challenge(message), "Continue")
      }),
    accepted: () => Effect.void
  }
}

/**
 * The scheme.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (parts: Parts): AuthenticationScheme => ({
  name: "NTLM",
  strength: 20,
  binding: "connection",
  hidesSecret: true,
  answers: ({ params }) => params.size === 0,
  begin: ({ space }, credential) => Effect.sync(() => exchangeOf(messages(parts, credential, space.host)))
})
