/**
 * Once per request: adds the session's configured fields where the request has none of that name. Nothing below adds a
 * configured field again, so what a redirect has dropped stays dropped.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { InvalidRequest } from "../../SessionError.ts"
import type { RequestField } from "../../Transport.ts"
import { checkCallerField } from "../http1/writer.ts"
import { BoundField, unfolded } from "../requestField.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Stage } from "./exchange.ts"

/** Names that a configuration must not set for every request: they are the session's, or a secret of one origin. */
const reserved = new Set([
  "authorization",
  "connection",
  "content-length",
  "host",
  "proxy-authenticate",
  "proxy-authorization",
  "www-authenticate"
])

/** The configured fields in wire form; they are bound to the request's origin like the caller's own. */
export const additionalFields = (
  headers: Readonly<Record<string, string>>
): Either.Either<ReadonlyArray<RequestField>, InvalidRequest> => {
  const fields: Array<RequestField> = []
  for (const [given, written] of Object.entries(headers)) {
    const name = given.toLowerCase()
    const value = unfolded(written)
    const detail = reserved.has(name)
      ? "the name is reserved. Answer challenges with a ChallengeResolver, and set it on single requests otherwise"
      : checkCallerField(name, value)?.detail
    if (detail !== undefined) {
      return Either.left(new InvalidRequest({ reason: { _tag: "InvalidHeader", name, detail } }))
    }
    fields.push(new BoundField(name, value))
  }
  return Either.right(fields)
}

const merge = (own: ReadonlyArray<RequestField>, added: ReadonlyArray<RequestField>): ReadonlyArray<RequestField> => {
  if (own.length === 0) return added
  if (added.length === 0) return own
  return [...own, ...added.filter((field) => !own.some((mine) => mine.name === field.name))]
}

const formType: RequestField = { name: "content-type", value: "application/x-www-form-urlencoded", bound: false }

export const prepare = (session: SessionState): Stage => (next) => (request, context) => {
  const fields = merge(request.fields, session.additionalFields)
  const typed = request.body !== undefined && request.method === "POST" &&
      !fields.some((field) => field.name === "content-type")
    ? [...fields, formType]
    : fields
  return typed === request.fields ? next(request, context) : next({ ...request, fields: typed }, context)
}

/** A configuration that cannot be sent is a defect of the program, found when the session is made. */
export const checkedFields = (headers: Readonly<Record<string, string>>): Effect.Effect<ReadonlyArray<RequestField>> =>
  Effect.orDie(additionalFields(headers))
