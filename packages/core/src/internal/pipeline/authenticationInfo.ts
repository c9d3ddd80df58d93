/**
 * What a server says after it has let a Digest request in (RFC 7616 3.5), in the head or in the trailers: the nonce to use next,
 * and the proof that it knows the password as well.
 */
import type { DigestsService } from "../../Digests.ts"
import type { HeaderFields } from "../../HeaderFields.ts"
import type { AuthenticationError } from "../../SessionError.ts"
import type { WireResponse } from "../../Transport.ts"
import { CheckedBody } from "../checkedBody.ts"
import { type DigestInfo, digestInfo } from "../protocol/digestInfo.ts"
import type { DigestProof } from "./authorization.ts"

const name = "authentication-info"

const infoOf = (fields: HeaderFields): DigestInfo | undefined =>
  fields.has(name) ? digestInfo(fields.getAll(name)) : undefined

/** The sender says that the field will be among the trailers (RFC 9110 6.6.2). */
const announces = (fields: HeaderFields): boolean =>
  fields.getAll("trailer").some((line) => line.toLowerCase().split(",").some((one) => one.trim() === name))

/**
 * The response, whose body is watched where something may still come with it; or the error of a server that cannot prove
 * itself. A proof over the body of a response to HEAD is not checked: no text says which body that is.
 */
export const checkServer = (
  response: WireResponse,
  method: string,
  proof: DigestProof,
  digests: DigestsService,
  mismatch: () => AuthenticationError
): WireResponse | AuthenticationError => {
  const { body, fields } = response
  const info = infoOf(fields)
  if (info?.nextnonce !== undefined) proof.renew(info.nextnonce)
  const covering = (said: DigestInfo): boolean => (said.qop ?? proof.qop) === "auth-int"
  const wrong = (said: DigestInfo | undefined, bodyHash: string | undefined): boolean =>
    said?.rspauth !== undefined && said.rspauth !== proof.expected(said.qop, bodyHash)

  const covered = info?.rspauth !== undefined && covering(info)
  if (!covered && wrong(info, undefined)) {
    body.cancel()
    return mismatch()
  }
  if (method === "HEAD") return response
  const announced = announces(fields)
  // over HTTP/2 a body of announced length may have trailers too
  const framed = response.connection?.protocol === "h2"
  const trailing = announced || framed || (body.length === undefined && body.delimited)
  if (!covered && !trailing) return response
  const hashed = covered || announced || proof.qop === "auth-int"
  const judged = new CheckedBody(body, hashed ? digests.hasher(proof.hash) : undefined, (trailers, bodyHash) => {
    const late = infoOf(trailers)
    if (late?.nextnonce !== undefined) proof.renew(late.nextnonce)
    if (covered && wrong(info, bodyHash)) return mismatch()
    // nobody said that the body would have to be hashed, and it is gone
    const unknowable = late !== undefined && covering(late) && bodyHash === undefined
    return !unknowable && wrong(late, bodyHash) ? mismatch() : undefined
  })
  return { ...response, body: judged }
}
