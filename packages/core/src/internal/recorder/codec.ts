/** A recording as text, and back. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { fromDocument, toDocument } from "./document.ts"
import { RecordingError } from "./error.ts"
import { Document } from "./har.ts"
import type { Recording } from "./model.ts"

/** Where the first fault is. The texts of a parser quote what they found, which may be anything. */
const whereOf = (error: ParseResult.ParseError): string => {
  const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
  if (issue === undefined || issue.path.length === 0) return "it is not JSON, or no object"
  if (issue._tag === "Unexpected") return `${issue.path.slice(0, -1).join(".")} has a field that does not belong there`
  return `${issue.path.join(".")} is missing, or not what it should be`
}

/** The document as text. Only a hook that makes nonsense can make this fail. */
export const encode = (recording: Recording): Either.Either<string, RecordingError> =>
  Either.mapLeft(
    Either.flatMap(
      Either.try({ try: () => toDocument(recording), catch: () => "an entry lacks what an entry is made of" }),
      (document) => Either.mapLeft(Schema.encodeEither(Document)(document), whereOf)
    ),
    (detail) => new RecordingError({ reason: { _tag: "NotARecording", path: undefined, detail } })
  )

/** The recording in a text. */
export const decode = (text: string, path?: string): Either.Either<Recording, RecordingError> =>
  Either.mapLeft(
    Either.flatMap(
      Either.mapLeft(Schema.decodeEither(Document)(text, { onExcessProperty: "error" }), whereOf),
      fromDocument
    ),
    (detail) => new RecordingError({ reason: { _tag: "NotARecording", path, detail } })
  )
