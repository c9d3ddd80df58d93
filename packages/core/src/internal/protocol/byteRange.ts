/** `Range` and `Content-Range` of bytes (RFC 9110 14), as far as a cache needs them: one range at a time. */
import { trimBlanks } from "./characters.ts"

/** What a request asks for: `first` to `last`, from `first` on, or the last `suffix` bytes. */
export type RangeSpec =
  | { readonly first: number; readonly last: number | undefined }
  | { readonly suffix: number }

/** A part of a whole of `total` bytes; `last` is inside. */
export interface Part {
  readonly first: number
  readonly last: number
  readonly total: number
}

const number = (digits: string | undefined): number => Number(digits)
const isSafe = (...numbers: ReadonlyArray<number>): boolean => numbers.every(Number.isSafeInteger)

/** One range of bytes; `undefined` for several, for other units, and for what is no range. */
export const parseRange = (value: string): RangeSpec | undefined => {
  const match = /^bytes[ \t]*=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))$/i.exec(trimBlanks(value))
  if (match === null) return undefined
  if (match[3] !== undefined) return isSafe(number(match[3])) ? { suffix: number(match[3]) } : undefined
  const first = number(match[1])
  const last = match[2] === "" ? undefined : number(match[2])
  if (!isSafe(first, last ?? 0) || (last !== undefined && last < first)) return undefined
  return { first, last }
}

/** The part of a whole that a range means; `undefined` where there is nothing of it. */
export const partOf = (range: RangeSpec, total: number): Part | undefined => {
  if ("suffix" in range) {
    return range.suffix === 0 || total === 0
      ? undefined
      : { first: Math.max(0, total - range.suffix), last: total - 1, total }
  }
  return range.first >= total
    ? undefined
    : { first: range.first, last: Math.min(range.last ?? total - 1, total - 1), total }
}

/** A part whose whole has a known length; `undefined` for anything else. */
export const parseContentRange = (value: string): Part | undefined => {
  const match = /^bytes[ \t]+([0-9]+)-([0-9]+)\/([0-9]+)$/i.exec(trimBlanks(value))
  if (match === null) return undefined
  const [first, last, total] = [number(match[1]), number(match[2]), number(match[3])]
  return isSafe(first, last, total) && first <= last && last < total ? { first, last, total } : undefined
}

/** As a field value. */
export const contentRange = ({ first, last, total }: Part): string => `bytes ${first}-${last}/${total}`

/** How many bytes a part has. */
export const partLength = ({ first, last }: Part): number => last - first + 1

/** Whether one part lies inside another part of the same whole. */
export const contains = (outer: Part, inner: Part): boolean =>
  outer.total === inner.total && outer.first <= inner.first && inner.last <= outer.last

/** The part that two make together; `undefined` where they do not touch. */
export const union = (left: Part, right: Part): Part | undefined =>
  left.total !== right.total || left.last + 1 < right.first || right.last + 1 < left.first
    ? undefined
    : { first: Math.min(left.first, right.first), last: Math.max(left.last, right.last), total: left.total }

/** What is missing of the whole, where it is one piece at the end or at the beginning. */
export const missing = ({ first, last, total }: Part): string | undefined => {
  if (first === 0) return last === total - 1 ? undefined : `bytes=${last + 1}-`
  return last === total - 1 ? `bytes=0-${first - 1}` : undefined
}
