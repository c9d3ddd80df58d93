/** Turns a credential and a space into an `Authorization` field. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { DigestsService } from "../../Digests.ts"
import { AuthenticationError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import { basicAuthorization } from "../protocol/basic.ts"
import { digestAuthorization } from "../protocol/digest.ts"
import { BoundField } from "../requestField.ts"
import type { SpaceEntry } from "../session/authenticationMemory.ts"

const digestValue = (entry: SpaceEntry, request: WireRequest, digests: DigestsService): string | undefined => {
  const session = entry.digest
  if (session === undefined) return undefined
  const cnonce = session.clientNonce(digests.randomHex(16))
  return digestAuthorization({
    challenge: session.challenge,
    prime: session.prime,
    user: entry.credential.user,
    password: Redacted.value(entry.credential.password),
    method: request.method,
    uri: request.url.target,
    nc: session.next(),
    cnonce,
    hash: digests
  })
}

/** The request with the credential in it, in place of an `Authorization` that it had. */
export const authorize = (
  request: WireRequest,
  entry: SpaceEntry,
  digests: DigestsService | undefined
): Effect.Effect<WireRequest, AuthenticationError> => {
  const value = entry.space.method === "Basic"
    ? basicAuthorization({
      user: entry.credential.user,
      password: Redacted.value(entry.credential.password),
      charset: entry.charset
    })
    : digests === undefined
    ? undefined
    : digestValue(entry, request, digests)
  if (value === undefined) {
    const detail = "the user name cannot be sent by this method: it holds a colon or control characters"
    return Effect.fail(
      new AuthenticationError({
        url: request.url.href,
        reason: { _tag: "CredentialUnusable", space: entry.space.toString(), detail }
      })
    )
  }
  const others = request.fields.filter((field) => field.name !== "authorization")
  return Effect.succeed({ ...request, fields: [...others, new BoundField("authorization", value)] })
}
