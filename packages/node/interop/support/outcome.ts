/** What came of a request, in words that our client and curl share. */
import type { SessionError } from "@urlsession/core/SessionError"
import type { SessionResponse } from "@urlsession/core/SessionResponse"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

/** An answer, or the class of the failure. */
export type Outcome =
  | {
    readonly _tag: "Answered"
    readonly status: number
    /** Long bodies by their length and digest. */
    readonly body: string
    /** The media type, as the server writes it. */
    readonly type: string
  }
  | { readonly _tag: "Failed"; readonly how: Failure }

/** Whose fault it was, as far as both clients can tell. */
export type Failure =
  | "the certificate of the server"
  | "TLS"
  | "the connection was lost"
  | "too many redirects"
  | "no connection"
  | "the proxy"
  | "another"

/** The head of an answer and all of its body, in a form that can be compared and read. */
export const answered = (fields: {
  readonly status: number
  readonly body: Uint8Array
  readonly type: string
}): Outcome => ({
  _tag: "Answered",
  status: fields.status,
  body: fields.body.length <= 4096
    ? new TextDecoder().decode(fields.body)
    : `${fields.body.length} bytes, ${createHash("sha256").update(fields.body).digest("hex")}`,
  type: fields.type
})

const failureOf = (error: SessionError): Failure => {
  switch (error._tag) {
    case "TlsError":
      return "trust" in error.reason ? "the certificate of the server" : "TLS"
    case "RedirectError":
      return "too many redirects"
    case "ConnectionError":
      return error.reason._tag === "NetworkConnectionLost"
        ? "the connection was lost"
        : error.reason._tag === "CannotConnectToHost"
        ? "no connection"
        : error.reason._tag === "ProxyFailed"
        ? "the proxy"
        : "another"
    default:
      return "another"
  }
}

/** What came of `session.data` or `session.upload`. */
export const ours = <R>(
  exchange: Effect.Effect<readonly [Uint8Array, SessionResponse], SessionError, R>
): Effect.Effect<Outcome, never, R> =>
  exchange.pipe(
    Effect.map(([body, response]) =>
      answered({ status: response.status, body, type: response.headers.get("content-type") ?? "" })
    ),
    Effect.catchAll((error) => Effect.succeed<Outcome>({ _tag: "Failed", how: failureOf(error) }))
  )
