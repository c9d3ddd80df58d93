/**
 * Requests: the one place where `@effect/platform`'s request, headers and bodies come in.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Credential from "./Credential.ts"
import { curlCommand } from "./internal/curl.ts"
import { displayUrl } from "./internal/displayUrl.ts"
import { checkCallerField, declaredLength } from "./internal/http1/writer.ts"
import { type ParsedUrl, readUrl } from "./internal/parsedUrl.ts"
import { makeRedaction, noRedaction } from "./internal/recorder/redaction.ts"
import { streamProduce } from "./internal/requestBody/stream.ts"
import { StreamedRequestBody } from "./internal/requestBody/streamedRequestBody.ts"
import { requestField, unfolded } from "./internal/requestField.ts"
import * as RequestBody from "./RequestBody.ts"
import { InvalidRequest } from "./SessionError.ts"
import { bodyLength, type RequestField, type WireRequest, type WireRequestBody, type WireUrl } from "./Transport.ts"

/**
 * What a session takes: an absolute URL, which is a GET, or a request of `@effect/platform`.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = string | URL | HttpClientRequest.HttpClientRequest

/**
 * A request, read once: the wire form with the caller's own fields, and the user info that was taken out of the URL.
 *
 * @since 0.1.0
 * @category models
 */
export interface Prepared {
  readonly request: WireRequest
  readonly userInfo: Credential.PasswordCredential | undefined
}

const badUrl = (input: string) =>
  new InvalidRequest({ reason: { _tag: "BadURL", input: displayUrl(input.slice(0, 2048)) } })

/**
 * Parses an absolute URL once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseUrl = (input: string): Either.Either<ParsedUrl, InvalidRequest> => {
  const parsed = readUrl(input)
  return parsed === undefined ? Either.left(badUrl(input)) : Either.right(parsed)
}

const hrefOf = (request: HttpClientRequest.HttpClientRequest): Either.Either<string, InvalidRequest> => {
  if (request.urlParams.length === 0 && Option.isNone(request.hash)) return Either.right(request.url)
  return Either.mapBoth(UrlParams.makeUrl(request.url, request.urlParams, request.hash), {
    onLeft: () => badUrl(request.url),
    onRight: (url) => url.href
  })
}

/** A body, and the type that it says of itself. */
interface ReadBody {
  readonly body: WireRequestBody | undefined
  readonly contentType?: string | undefined
}

const noBody: Either.Either<ReadBody, InvalidRequest> = Either.right({ body: undefined })
const text = new TextEncoder()

const bytesBody = (bytes: Uint8Array): typeof noBody =>
  bytes.length === 0 ? noBody : Either.right({ body: { _tag: "Bytes", bytes } })

/** A body whose length nobody else knows has the one that its caller says. */
const announcedBy = (headers: Headers.Headers): number | undefined => {
  const said = headers["content-length"]
  return said === undefined ? undefined : declaredLength(said)
}

const readBody = (body: RequestBody.RequestBody, announced?: number): ReadBody => ({
  body: RequestBody.toWire(body, announced),
  contentType: body.contentType
})

const bodyOf = (request: HttpClientRequest.HttpClientRequest, url: WireUrl): typeof noBody => {
  const body = request.body
  switch (body._tag) {
    case "Empty":
      return noBody
    case "Uint8Array":
      return bytesBody(body.body)
    case "Raw":
      if (RequestBody.isRequestBody(body.body)) return Either.right(readBody(body.body, announcedBy(request.headers)))
      if (typeof body.body === "string") return bytesBody(text.encode(body.body))
      if (body.body instanceof Uint8Array) return bytesBody(body.body)
      return Either.left(new InvalidRequest({ url: url.href, reason: { _tag: "UnsupportedBody", kind: "Raw" } }))
    case "FormData":
      return Either.right(readBody(RequestBody.formData(body.formData)))
    case "Stream": {
      const length = body.contentLength ?? announcedBy(request.headers)
      if (length === 0) return noBody
      return Either.right({ body: new StreamedRequestBody(streamProduce(body.stream), length) })
    }
  }
}

const tokenMethod = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const normalMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT"])

/** Methods are case-sensitive (RFC 9110 9.1), but nobody who writes `get` means another method than GET. */
const methodOf = (given: string): string => {
  if (normalMethods.has(given)) return given
  const upper = given.toUpperCase()
  return normalMethods.has(upper) ? upper : given
}

const fieldsOf = (
  headers: Headers.Headers,
  length: number | undefined,
  publicFields: ReadonlySet<string>,
  url: WireUrl
): Either.Either<ReadonlyArray<RequestField>, InvalidRequest> => {
  const fields: Array<RequestField> = []
  for (const name in headers) {
    const given = headers[name]
    if (given === undefined) continue
    const value = unfolded(given)
    // the length is the session's to write; the caller's must agree with it
    if (name === "content-length" && value === String(length)) continue
    const fault = name === "content-length"
      ? {
        name,
        detail: `it is not the length of the body${length === undefined ? "" : `, which is ${length}`}. ` +
          "Leave it out; a body that was set before may have left it"
      }
      : checkCallerField(name, value)
    if (fault !== undefined) {
      return Either.left(
        new InvalidRequest({
          url: url.href,
          reason: { _tag: "InvalidHeader", name: printable(name), detail: fault.detail }
        })
      )
    }
    fields.push(requestField(name, value, !publicFields.has(name)))
  }
  return Either.right(fields)
}

const printable = (name: string): string => name.replace(/[^\x21-\x7e]/g, "?").slice(0, 128)
const nothingPublic: ReadonlySet<string> = new Set()
const noFields: ReadonlyArray<RequestField> = []

const fromRequest = (
  request: HttpClientRequest.HttpClientRequest,
  parsed: ParsedUrl,
  publicFields: ReadonlySet<string>
): Either.Either<Prepared, InvalidRequest> => {
  const method = methodOf(request.method)
  const url = parsed.url
  const read = bodyOf(request, url)
  if (Either.isLeft(read)) return Either.left(read.left)
  const { body, contentType } = read.right
  if (!tokenMethod.test(method)) {
    return Either.left(
      new InvalidRequest({ url: url.href, reason: { _tag: "InvalidMethod", method: printable(method) } })
    )
  }
  if (body !== undefined && method === "GET") {
    return Either.left(new InvalidRequest({ url: url.href, reason: { _tag: "GetWithBody", method } }))
  }
  const fields = fieldsOf(request.headers, bodyLength(body), publicFields, url)
  if (Either.isLeft(fields)) return Either.left(fields.left)
  const typed = contentType === undefined || request.headers["content-type"] !== undefined
    ? fields.right
    : [...fields.right, requestField("content-type", contentType, false)]
  return Either.right({
    request: { method, url, fields: typed, body },
    userInfo: parsed.userInfo
  })
}

/**
 * Reads a request. Fails with `InvalidRequest`: a bad URL or method, a GET with a body, a field that cannot be sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const prepare = (
  input: Input,
  publicFields: ReadonlySet<string> = nothingPublic
): Either.Either<Prepared, InvalidRequest> => {
  if (typeof input === "string" || input instanceof URL) {
    const parsed = parseUrl(typeof input === "string" ? input : input.href)
    if (Either.isLeft(parsed)) return Either.left(parsed.left)
    const { url, userInfo } = parsed.right
    return Either.right({ request: { method: "GET", url, fields: noFields, body: undefined }, userInfo })
  }
  const href = hrefOf(input)
  if (Either.isLeft(href)) return Either.left(href.left)
  const parsed = parseUrl(href.right)
  if (Either.isLeft(parsed)) return Either.left(parsed.left)
  return fromRequest(input, parsed.right, publicFields)
}

/**
 * The request with a body in place of its own, and with more fields. An absolute URL is a POST.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withBody = (
  input: Input,
  body: RequestBody.RequestBody,
  fields: Readonly<Record<string, string>> = {}
): HttpClientRequest.HttpClientRequest => {
  const request = typeof input === "string" || input instanceof URL ? HttpClientRequest.post(input) : input
  // what an earlier body has said of itself goes with it
  const bare = request.body._tag === "Empty" ? request : HttpClientRequest.setBody(request, HttpBody.empty)
  return HttpClientRequest.setHeaders(HttpClientRequest.setBody(bare, HttpBody.raw(body)), fields)
}

/**
 * A wire request from plain parts, for interceptors and redirect handlers. The fields are bound to its origin. `GET`, `HEAD`,
 * `POST`, `PUT`, `DELETE` and `CONNECT` may be written in any case; every other method is sent as it is written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const wire = (
  method: string,
  url: string,
  fields: Readonly<Record<string, string>> = {},
  body?: Uint8Array
): Either.Either<WireRequest, InvalidRequest> =>
  Either.flatMap(parseUrl(url), (parsed) => {
    if (!tokenMethod.test(method)) {
      return Either.left(
        new InvalidRequest({ url: parsed.url.href, reason: { _tag: "InvalidMethod", method: printable(method) } })
      )
    }
    const request = HttpClientRequest.setHeaders(HttpClientRequest.get(url), fields)
    const read = fieldsOf(request.headers, body?.length ?? 0, nothingPublic, parsed.url)
    return Either.map(read, (bound): WireRequest => ({
      method: methodOf(method),
      url: parsed.url,
      fields: bound,
      body: body === undefined || body.length === 0 ? undefined : { _tag: "Bytes", bytes: body }
    }))
  })

/**
 * A request as it may stand in an error: method and URL, without user info, query, fields and body.
 *
 * @since 0.1.0
 * @category combinators
 */
export const shown = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(request.method)(displayUrl(request.url))

/**
 * How a command is written.
 *
 * @since 0.1.0
 * @category models
 */
export interface CurlOptions {
  /** Write credentials, cookies and the caller's own fields as they are; off unless said. */
  readonly showSecrets?: boolean
  /** Names of secrets, beside those that the `Recorder` knows. */
  readonly secretNames?: ReadonlyArray<string>
  /** Fields whose values are no secret, beside those that the `Recorder` knows. */
  readonly publicFields?: ReadonlyArray<string>
}

const describedBody = (input: Input): RequestBody.BodyDescription | undefined => {
  if (typeof input === "string" || input instanceof URL) return undefined
  const { body } = input
  if (body._tag === "FormData") return { _tag: "Form", form: body.formData }
  return body._tag === "Raw" && RequestBody.isRequestBody(body.body) ? RequestBody.describe(body.body) : undefined
}

/**
 * The request as a command of curl for a POSIX shell, to be tried by hand. Secrets are hidden as they are in a recording,
 * unless they are asked for. A file stays a file and a form a form, whose files are named and not read; a body that is a
 * stream is expected on the standard input. Fails with `InvalidRequest` as a session would.
 *
 * @example
 * ```ts
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 * import { SessionRequest } from "@urlsession/core"
 *
 * const command = SessionRequest.toCurl(
 *   HttpClientRequest.post("https://example.com/notes").pipe(HttpClientRequest.bodyText("it's me"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category destructors
 */
export const toCurl = (input: Input, options: CurlOptions = {}): Either.Either<string, InvalidRequest> =>
  Either.map(prepare(input), ({ request, userInfo }) =>
    curlCommand(
      request,
      userInfo,
      describedBody(input),
      options.showSecrets === true ? noRedaction : makeRedaction(options.secretNames ?? [], options.publicFields ?? [])
    ))
