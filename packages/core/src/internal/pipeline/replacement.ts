/** A request that a RedirectHandler puts in the place of a redirect's: checked as a caller's is, and no carrier of secrets. */
import * as Either from "effect/Either"
import { InvalidRequest } from "../../SessionError.ts"
import { parseUrl } from "../../SessionRequest.ts"
import { bodyLength, type RequestField, type WireRequest } from "../../Transport.ts"
import { checkCallerField, checkContentLength } from "../http1/writer.ts"
import { isToken } from "../protocol/characters.ts"
import { isSecretField } from "../protocol/redirectDecision.ts"
import { requestField, unfolded } from "../requestField.ts"

const printable = (text: string): string => text.replace(/[^\x21-\x7e]/g, "?").slice(0, 128)

/** As the transport wants it, or what is wrong with it. The length is the session's to write. */
const checkedField = (field: RequestField, request: WireRequest): RequestField | string | undefined => {
  const name = field.name.toLowerCase()
  const value = unfolded(field.value)
  if (name === "content-length") return checkContentLength(value, bodyLength(request.body) ?? 0)?.detail
  const fault = checkCallerField(name, value)
  if (fault !== undefined) return fault.detail
  return name === field.name && value === field.value ? field : requestField(name, value, field.bound)
}

/**
 * `from` is the request that was redirected: what was bound to its origin does not go to another one because a handler has
 * copied it.
 */
export const checkedReplacement = (
  replacement: WireRequest,
  from: WireRequest,
  keep: boolean
): Either.Either<WireRequest, InvalidRequest> => {
  const parsed = parseUrl(replacement.url.href)
  if (Either.isLeft(parsed)) return Either.left(parsed.left)
  const { url } = parsed.right
  const { body, method } = replacement
  const fail = (reason: ConstructorParameters<typeof InvalidRequest>[0]["reason"]) =>
    Either.left(new InvalidRequest({ url: url.href, reason }))
  if (!isToken(method)) return fail({ _tag: "InvalidMethod", method: printable(method) })
  if (body !== undefined && method === "GET") return fail({ _tag: "GetWithBody", method })
  const leaves = url.origin !== from.url.origin && !keep
  const copied = new Set(leaves ? from.fields : [])
  const fields: Array<RequestField> = []
  for (const field of replacement.fields) {
    if (copied.has(field) && (field.bound || isSecretField(field.name))) continue
    const checked = checkedField(field, replacement)
    if (typeof checked === "string") {
      return fail({ _tag: "InvalidHeader", name: printable(field.name), detail: checked })
    }
    if (checked !== undefined) fields.push(checked)
  }
  return Either.right({ method, url, fields, body })
}
