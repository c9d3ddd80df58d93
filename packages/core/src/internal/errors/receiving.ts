/** Errors about what is received: the response, its body, and the file it goes into. */
import { family } from "./family.ts"

/**
 * What was wrong with the bytes that came as a response.
 *
 * @since 0.1.0
 * @category reasons
 */
export type InvalidResponseReason =
  | { readonly _tag: "BadServerResponse"; readonly detail: string }
  | { readonly _tag: "CannotParseResponse"; readonly detail: string; readonly bytesReceived: number }
  | { readonly _tag: "ZeroByteResource"; readonly bytesExpected: number }
  | { readonly _tag: "ResponseHeadTooLarge"; readonly limit: number }
  | { readonly _tag: "ResourceUnavailable"; readonly detail: string }

/**
 * The server answered something that is not a proper response.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse extends family<"InvalidResponse", InvalidResponseReason>("InvalidResponse", {
  BadServerResponse: { code: -1011, message: (r) => `the response makes no sense: ${r.detail}` },
  CannotParseResponse: { code: -1017, message: (r) => `the response is not HTTP as RFC 9112 defines it: ${r.detail}` },
  ZeroByteResource: {
    code: -1014,
    transient: () => true,
    message: (r) => `the server announced ${r.bytesExpected} bytes and closed before the first`
  },
  ResponseHeadTooLarge: { code: -1103, message: (r) => `the head of the response passes the limit of ${r.limit}` },
  ResourceUnavailable: { code: -1008, message: (r) => `the resource is not available: ${r.detail}` }
}) {}

/**
 * What was wrong with a response's body.
 *
 * @since 0.1.0
 * @category reasons
 */
export type BodyReason =
  /** `truncated`: the coded bytes were good, and ended too early. */
  | { readonly _tag: "CannotDecodeRawData"; readonly coding: string; readonly truncated: boolean }
  | { readonly _tag: "CannotDecodeContentData"; readonly coding: string }
  | { readonly _tag: "DataLengthExceedsMaximum"; readonly limit: number }
  | { readonly _tag: "DecompressionBomb"; readonly ratio: number }
  | { readonly _tag: "InvalidJson" }
  | { readonly _tag: "AlreadyConsumed" }
  | { readonly _tag: "DownloadDecodingFailedMidStream"; readonly coding: string }
  | { readonly _tag: "DownloadDecodingFailedToComplete"; readonly coding: string }

/**
 * The body came, and cannot be used as asked.
 *
 * @since 0.1.0
 * @category errors
 */
export class BodyError extends family<"BodyError", BodyReason>("BodyError", {
  CannotDecodeRawData: {
    code: -1015,
    message: (r) => `the body is not what its content coding "${r.coding}" promises`
  },
  CannotDecodeContentData: {
    code: -1016,
    message: (r) => `the content coding "${r.coding}" is not known here. Ask for identity, or switch decoding off`
  },
  DataLengthExceedsMaximum: {
    code: -1103,
    message: (r) => `the body is longer than the limit of ${r.limit} bytes. Read it as a stream, or raise the limit`
  },
  DecompressionBomb: {
    code: -1103,
    message: (r) => `the body grows more than ${r.ratio} times when decoded and was given up`
  },
  InvalidJson: { message: () => "the body is not JSON (RFC 8259). Look at it as text" },
  AlreadyConsumed: { message: () => "the body has been read already: it can be read once" },
  DownloadDecodingFailedMidStream: { code: -3006, message: (r) => `the coding "${r.coding}" broke in the middle` },
  DownloadDecodingFailedToComplete: { code: -3007, message: (r) => `the coding "${r.coding}" broke at the end` }
}) {}

/**
 * What went wrong with a file of a transfer. Paths are the caller's own.
 *
 * @since 0.1.0
 * @category reasons
 */
export type FileReason =
  | { readonly _tag: "FileDoesNotExist"; readonly path: string }
  | { readonly _tag: "NoPermissionsToReadFile"; readonly path: string }
  | { readonly _tag: "FileIsDirectory"; readonly path: string }
  | { readonly _tag: "CannotCreateFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotOpenFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotWriteToFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotCloseFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotMoveFile"; readonly path: string; readonly to: string; readonly detail: string }

/**
 * A file could not be read or written. Nothing is left under the final name of a download.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileError extends family<"FileError", FileReason>("FileError", {
  FileDoesNotExist: { code: -1100, message: (r) => `there is no file ${r.path}` },
  NoPermissionsToReadFile: { code: -1102, message: (r) => `${r.path} may not be read by this process` },
  FileIsDirectory: { code: -1101, message: (r) => `${r.path} is a directory. Name a file in it` },
  CannotCreateFile: { code: -3000, message: (r) => `cannot create a file beside ${r.path}: ${r.detail}` },
  CannotOpenFile: { code: -3001, message: (r) => `cannot open ${r.path}: ${r.detail}` },
  CannotWriteToFile: { code: -3003, message: (r) => `cannot write ${r.path}: ${r.detail}` },
  CannotCloseFile: { code: -3002, message: (r) => `cannot close ${r.path}: ${r.detail}` },
  CannotMoveFile: { code: -3005, message: (r) => `cannot move ${r.path} to ${r.to}: ${r.detail}` }
}) {}
