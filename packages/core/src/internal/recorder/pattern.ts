/** Compares a recorded text with a real one: where something was redacted, any value will do. */
import { textOf } from "./bodyText.ts"
import { redacted } from "./marker.ts"
import type { RecordedBody } from "./model.ts"

/** Whether a text is what was recorded, with any text that `mayStand` in the place of every marker. */
const matches = (recorded: string, text: string, mayStand: (value: string) => boolean): boolean => {
  const [first = "", ...parts] = recorded.split(redacted)
  const last = parts.pop()
  if (last === undefined) return recorded === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of parts) {
    const found = part === "" ? at : text.indexOf(part, at)
    if (found < 0 || !mayStand(text.slice(at, found))) return false
    at = found + part.length
  }
  const end = text.length - last.length
  return end >= at && text.endsWith(last) && mayStand(text.slice(at, end))
}

/** Whether a URL is the recorded one. */
export const matchesUrl = (recorded: string, url: string): boolean =>
  matches(recorded, url, (value) => !/[/?#&]/.test(value))

const inJson = /^(?:[^"\\]|\\[^])*$/

/** Whether these bytes are the recorded ones; of a body that was left out only the size is known. */
export const matchesBody = (recorded: RecordedBody, bytes: Uint8Array): boolean => {
  if (recorded._tag === "LeftOut") return recorded.size === bytes.length
  if (sameBytes(recorded.bytes, bytes)) return true
  const pattern = textOf(recorded.bytes)
  const text = pattern?.includes(redacted) === true ? textOf(bytes) : undefined
  if (pattern === undefined || text === undefined) return false
  const json = /^\s*[[{]/.test(pattern)
  return matches(pattern, text, (value) => json ? inJson.test(value) : !value.includes("&"))
}

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])
