/**
 * Once per request: adds the session's configured fields and its defaults where the request has none of that name. Nothing below adds a
 * configured field again, so what a redirect has dropped stays dropped.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import { InvalidRequest } from "../../SessionError.ts"
import type { RequestField } from "../../Transport.ts"
import { checkCallerField } from "../http1/writer.ts"
import { acceptLanguage } from "../protocol/languages.ts"
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

/** What the session says of itself, in public: it is the same for every origin. */
const defaultFields = (
  configuration: SessionConfiguration
): Either.Either<ReadonlyArray<RequestField>, InvalidRequest> => {
  const fields: Array<RequestField> = []
  for (
    const [name, value] of [
      ["user-agent", configuration.userAgent],
      ["accept", configuration.accept],
      ["accept-language", acceptLanguage(configuration.acceptLanguages) ?? ""]
    ] as const
  ) {
    const detail = checkCallerField(name, value)?.detail
    if (detail !== undefined) {
      return Either.left(new InvalidRequest({ reason: { _tag: "InvalidHeader", name, detail } }))
    }
    if (value !== "") fields.push({ name, value, bound: false })
  }
  return Either.right(fields)
}

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

/**
 * What a session adds: its configured fields, and its defaults where nothing else is configured and the platform does not
 * write them by itself. A configuration that cannot be sent is a defect of the program, found when the session is made.
 */
export const checkedFields = (
  configuration: SessionConfiguration,
  own: ReadonlySet<string> = new Set()
): Effect.Effect<ReadonlyArray<RequestField>> =>
  Effect.orDie(
    Either.flatMap(
      additionalFields(configuration.httpAdditionalHeaders),
      (configured) =>
        Either.map(
          defaultFields(configuration),
          (defaults) => merge(configured, defaults.filter((field) => !own.has(field.name)))
        )
    )
  )
