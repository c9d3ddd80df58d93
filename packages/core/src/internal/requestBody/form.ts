/** A form as a body that can be made again: texts, and the slices of its files. */
import * as Effect from "effect/Effect"
import { boundaryOf, lastBoundary, partEnd, partHead, textPart } from "../protocol/multipart.ts"
import type { Produce } from "./streamedRequestBody.ts"

const sliceSize = 256 * 1024

/** What is used of a Blob or File. */
interface Slices {
  readonly size: number
  readonly type: string
  readonly slice: (start: number, end: number) => { readonly arrayBuffer: () => Promise<ArrayBuffer> }
}

const isFile = (value: unknown): value is Slices =>
  value instanceof Object && "size" in value && "slice" in value && typeof value.slice === "function"

const nameOf = (file: Slices): string => "name" in file && typeof file.name === "string" ? file.name : "blob"

type Segment = Uint8Array | Slices

const lengthOf = (segment: Segment): number => segment instanceof Uint8Array ? segment.length : segment.size

const segmentsOf = (entries: Iterable<readonly [string, unknown]>, boundary: string): ReadonlyArray<Segment> => {
  const segments: Array<Segment> = []
  for (const [name, value] of entries) {
    if (isFile(value)) segments.push(partHead(boundary, name, { filename: nameOf(value), type: value.type }), value)
    else segments.push(partHead(boundary, name, undefined), textPart(String(value)))
    segments.push(partEnd)
  }
  segments.push(lastBoundary(boundary))
  return segments
}

/** The bytes that stand between two files, in one piece. */
const joined = (segments: ReadonlyArray<Segment>): ReadonlyArray<Segment> => {
  const whole: Array<Segment> = []
  for (const segment of segments) {
    const last = whole[whole.length - 1]
    if (!(segment instanceof Uint8Array && last instanceof Uint8Array)) {
      whole.push(segment)
      continue
    }
    const both = new Uint8Array(last.length + segment.length)
    both.set(last)
    both.set(segment, last.length)
    whole[whole.length - 1] = both
  }
  return whole
}

/** A form, encoded. */
export interface EncodedForm {
  readonly contentType: string
  readonly length: number
  readonly produce: Produce
}

/** Reads the form now; its files when they are sent. */
export const encodeForm = (form: FormData): EncodedForm => {
  const boundary = boundaryOf(crypto.getRandomValues(new Uint8Array(16)))
  const segments = joined(segmentsOf(form, boundary))
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: segments.reduce((sum, segment) => sum + lengthOf(segment), 0),
    produce: (give) =>
      Effect.gen(function*() {
        for (const segment of segments) {
          if (segment instanceof Uint8Array) {
            yield* give(segment)
            continue
          }
          for (let at = 0; at < segment.size; at += sliceSize) {
            const end = Math.min(segment.size, at + sliceSize)
            const bytes = yield* Effect.tryPromise(() => segment.slice(at, end).arrayBuffer())
            yield* give(new Uint8Array(bytes))
          }
        }
      })
  }
}
