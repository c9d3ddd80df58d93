/**
 * Asks for content codings and undoes them, outside of redirects, authentication and cache, which see encoded bytes. Not
 * where the request asks for a range: parts of a coded body cannot be decoded (RFC 9110 14.2).
 */
import * as Effect from "effect/Effect"
import type { ContentCodingsService } from "../../ContentCodings.ts"
import type { CodingDecided } from "../../Decision.ts"
import { BodyError } from "../../SessionError.ts"
import type { RequestField, WireBody, WireResponse } from "../../Transport.ts"
import { DecodedBody } from "../decodedBody.ts"
import { goOn } from "../goOn.ts"
import { type ContentDecoding, contentDecoding } from "../protocol/contentCoding.ts"
import type { Stage } from "./exchange.ts"

const has = (fields: ReadonlyArray<RequestField>, name: string): boolean => fields.some((field) => field.name === name)

/** For the decision log. */
const decided = (decision: ContentDecoding, coding: string): CodingDecided => {
  const given = coding.slice(0, 64)
  switch (decision._tag) {
    case "None":
      return { _tag: "CodingDecided", action: "Keep", codings: [given], why: "there is no body to decode" }
    case "Decode":
      return { _tag: "CodingDecided", action: "Decode", codings: decision.codings, why: "RFC 9110 8.4" }
    case "Unknown":
      return { _tag: "CodingDecided", action: "Fail", codings: [given], why: "the coding is not known" }
    case "TooMany":
      return { _tag: "CodingDecided", action: "Fail", codings: [given], why: "more than 3 codings" }
  }
}

/** By its members, for the reason that is told in cacheKeeping. */
const undone = (response: WireResponse, body: WireBody): WireResponse => {
  if (response.cache !== undefined) return { ...response, body, decoded: true }
  const { connection, fields, reason, status, url } = response
  return { status, reason, fields, body, url, connection, decoded: true }
}

/** `usual` are the fields of a request that has none of its own. */
export const decode = (service: ContentCodingsService, usual: ReadonlyArray<RequestField>): Stage => {
  const field: RequestField = { name: "accept-encoding", value: service.supported.join(", "), bound: false }
  const asking = (fields: ReadonlyArray<RequestField>): ReadonlyArray<RequestField> =>
    has(fields, "range") || has(fields, "accept-encoding") ? fields : [...fields, field]
  const usualAsking = asking(usual)
  const supported: ReadonlySet<string> = new Set(service.supported)
  return (next) => (request, context) => {
    const fields = request.fields === usual ? usualAsking : asking(request.fields)
    const asked = fields === request.fields ? request : { ...request, fields }
    return goOn(next(asked, context), (response) => {
      const coding = response.fields.get("content-encoding")
      if (coding === undefined) return Effect.succeed(response)
      const decision = contentDecoding({
        method: request.method,
        status: response.status,
        contentEncoding: coding,
        contentLength: response.body.length,
        supported
      })
      context.decisions?.about(decided(decision, coding))
      switch (decision._tag) {
        case "None":
          return Effect.succeed(response)
        case "Decode": {
          const body = new DecodedBody(response.body, service, decision.codings, context, response.url.href)
          return Effect.succeed(undone(response, body))
        }
        case "Unknown":
        case "TooMany": {
          response.body.cancel()
          const name = decision._tag === "Unknown" ? decision.coding : `${coding.slice(0, 64)} (more than 3 codings)`
          return Effect.fail(
            new BodyError({ url: response.url.href, reason: { _tag: "CannotDecodeContentData", coding: name } })
          )
        }
      }
    })
  }
}
