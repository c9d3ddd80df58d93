/** Errors about what is sent: the request itself, and where redirects and challenges lead it. */
import { family } from "./family.ts"

/**
 * What was wrong with the request itself. Nothing was sent, or, where its body failed on the way, no whole request.
 *
 * @since 0.1.0
 * @category reasons
 */
export type InvalidRequestReason =
  | { readonly _tag: "BadURL"; readonly input: string }
  | { readonly _tag: "UnsupportedURL"; readonly scheme: string }
  | { readonly _tag: "GetWithBody"; readonly method: string }
  | { readonly _tag: "InvalidHeader"; readonly name: string; readonly detail: string }
  | { readonly _tag: "InvalidMethod"; readonly method: string; readonly detail?: string }
  | { readonly _tag: "UnsupportedBody"; readonly kind: string; readonly detail?: string }
  /** The transport gathers a body before it sends it, and no more than `limit` bytes. */
  | { readonly _tag: "BodyTooLarge"; readonly limit: number }
  | { readonly _tag: "SecurityPolicyViolation"; readonly rule: string }
  /** Of `file:` URLs. */
  | { readonly _tag: "FileDoesNotExist"; readonly path: string }
  | { readonly _tag: "FileIsDirectory"; readonly path: string }
  | { readonly _tag: "NoPermissionsToReadFile"; readonly path: string }
  | { readonly _tag: "BodyStreamExhausted" }
  | { readonly _tag: "BodyStreamFailed" }
  | { readonly _tag: "BodyLengthMismatch"; readonly announced: number; readonly given: number }

/**
 * The request asks for something that cannot be sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends family<"InvalidRequest", InvalidRequestReason>("InvalidRequest", {
  BadURL: {
    code: -1000,
    message: (r) => `not a URL: ${r.input}. Give an absolute http, https or data URL with a port below 65536`
  },
  UnsupportedURL: {
    code: -1002,
    message: (r) => `no transport of this session serves the scheme "${r.scheme}"`
  },
  GetWithBody: {
    code: -1103,
    message: (r) => `a ${r.method} request must not have a body. Send it as POST, PUT, PATCH or QUERY`
  },
  InvalidHeader: {
    message: (r) => `the field "${r.name}" cannot be sent: ${r.detail}`
  },
  InvalidMethod: {
    message: (r) =>
      r.detail === undefined
        ? `"${r.method}" is not a method: only token characters are allowed (RFC 9110 9.1)`
        : `a ${r.method} request cannot be sent: ${r.detail}`
  },
  UnsupportedBody: {
    message: (r) =>
      `a body of kind ${r.kind} cannot be sent by this session: ${r.detail ?? "send bytes, text, a form or a Stream"}`
  },
  BodyTooLarge: {
    message: (r) =>
      `the body is longer than ${r.limit} bytes, and this transport cannot send it before it has gathered it. ` +
      "Raise its limit, send the body in parts, or stream it where the platform can"
  },
  SecurityPolicyViolation: {
    code: -1022,
    message: (r) => `refused by a security policy: ${r.rule}`
  },
  FileDoesNotExist: { code: -1100, message: (r) => `there is no file ${r.path}` },
  FileIsDirectory: {
    code: -1101,
    message: (r) => `${r.path} is a directory, or no file to be read. Name a file in it`
  },
  NoPermissionsToReadFile: { code: -1102, message: (r) => `${r.path} may not be read by this process` },
  BodyStreamExhausted: {
    code: -1021,
    message: () => "the body had to be sent again and cannot be. Give bytes, or a stream that can be run twice"
  },
  BodyStreamFailed: {
    message: () => "the stream of the request's body failed; see the cause"
  },
  BodyLengthMismatch: {
    message: (r) =>
      `the request's body was announced with ${r.announced} bytes and ${
        r.given > r.announced ? "is longer" : `ended after ${r.given}`
      }. Announce the right length, or none; a body that was set before may have left its Content-Length`
  }
}) {}

/**
 * Why a redirect was not followed to its end.
 *
 * @since 0.1.0
 * @category reasons
 */
export type RedirectReason =
  | { readonly _tag: "TooManyRedirects"; readonly limit: number; readonly location: string }
  | { readonly _tag: "RedirectToNonExistentLocation"; readonly location: string }

/**
 * A chain of redirects that does not end, or ends nowhere.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectError extends family<"RedirectError", RedirectReason>("RedirectError", {
  TooManyRedirects: {
    code: -1007,
    message: (r) => `more than ${r.limit} redirects; the next would go to ${r.location}`
  },
  RedirectToNonExistentLocation: {
    code: -1010,
    message: (r) => `the server redirects to "${r.location}", which is not a URL`
  }
}) {}

/**
 * How an authentication challenge ended badly. `space` describes the protection space in words.
 *
 * @since 0.1.0
 * @category reasons
 */
export type AuthenticationReason =
  | { readonly _tag: "Cancelled"; readonly space: string }
  | { readonly _tag: "Required"; readonly space: string }
  | { readonly _tag: "TooManyRounds"; readonly limit: number }
  | { readonly _tag: "ResolverFailed"; readonly space: string }
  | { readonly _tag: "CredentialUnusable"; readonly space: string; readonly detail: string }
  | { readonly _tag: "ServerNotAuthenticated"; readonly space: string }
  /** An exchange of messages has come to nothing, for a reason that is not the credential. */
  | { readonly _tag: "ExchangeFailed"; readonly space: string; readonly detail: string }
  /** All that the server offers is weaker than what it has taken before. */
  | { readonly _tag: "DowngradeRefused"; readonly space: string; readonly offered: ReadonlyArray<string> }

/**
 * A challenge was cancelled, could not be answered, or never ended; or the server did not prove itself in its turn.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationError extends family<"AuthenticationError", AuthenticationReason>("AuthenticationError", {
  Cancelled: {
    code: -999,
    message: (r) => `the challenge of ${r.space} was cancelled by its resolver`
  },
  Required: {
    code: -1013,
    message: (r) => `${r.space} wants authentication. Give the session a ChallengeResolver for it`
  },
  TooManyRounds: {
    message: (r) => `the server still challenged after ${r.limit} rounds; the request was given up`
  },
  ResolverFailed: {
    message: (r) => `the ChallengeResolver failed for ${r.space}; see the cause`
  },
  CredentialUnusable: {
    message: (r) => `the credential cannot be used for ${r.space}: ${r.detail}`
  },
  ServerNotAuthenticated: {
    code: -1011,
    message: (r) =>
      `the server of ${r.space} does not know the password, or somebody changed its response: its proof is wrong. Do not trust what it sent, and check where the URL leads`
  },
  ExchangeFailed: {
    message: (r) => `the exchange with ${r.space} has failed: ${r.detail}`
  },
  DowngradeRefused: {
    message: (r) =>
      `only ${
        r.offered.join(", ")
      } is asked for now, which is weaker than what ${r.space} took before. If it was changed on purpose, reset the session or allow it with allowsAuthenticationDowngrade`
  }
}) {}
