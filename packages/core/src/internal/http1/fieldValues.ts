/** The values of the few fields that the codec acts upon, read out of their bytes. */
import { at, COMMA, isBlank, isDigit, isToken, LOWER_TOKEN } from "./bytes.ts"

/** The one number of a `Content-Length`, equal repeats allowed, or -2 (RFC 9112 section 6.3, rule 5). */
export const readLength = (bytes: Uint8Array, start: number, end: number): number => {
  let agreed = -1
  let p = start
  for (;;) {
    while (p < end && isBlank(at(bytes, p))) p++
    const first = p
    let length = 0
    while (p < end && isDigit(at(bytes, p))) {
      length = length * 10 + (at(bytes, p) - 0x30)
      if (length > Number.MAX_SAFE_INTEGER) {
        return -2
      }
      p++
    }
    if (p === first || (agreed !== -1 && agreed !== length)) {
      return -2
    }
    agreed = length
    while (p < end && isBlank(at(bytes, p))) p++
    if (p === end) {
      return agreed
    }
    if (at(bytes, p) !== COMMA) {
      return -2
    }
    p++
  }
}

/** Bits of the answer of `readConnection`. */
export const CLOSE = 1
export const PERSIST = 2

/** Which of `close` and `keep-alive` are among the options of a `Connection` field (RFC 9110 section 7.6.1). */
export const readConnection = (bytes: Uint8Array, start: number, end: number): number => {
  // What is nearly always there needs no list.
  if (isToken(bytes, start, end, "keep-alive")) {
    return PERSIST
  }
  let options = 0
  let p = start
  while (p < end) {
    while (p < end && (isBlank(at(bytes, p)) || at(bytes, p) === COMMA)) p++
    const first = p
    while (p < end && !isBlank(at(bytes, p)) && at(bytes, p) !== COMMA) p++
    if (isToken(bytes, first, p, "close")) {
      options |= CLOSE
    } else if (isToken(bytes, first, p, "keep-alive")) {
      options |= PERSIST
    }
  }
  return options
}

/** The seconds of `timeout` in a `Keep-Alive` field, or -1. */
export const readTimeout = (bytes: Uint8Array, start: number, end: number): number => {
  let p = start
  while (p < end) {
    while (p < end && (isBlank(at(bytes, p)) || at(bytes, p) === COMMA)) p++
    const first = p
    while (p < end && LOWER_TOKEN[at(bytes, p)] !== 0) p++
    const named = isToken(bytes, first, p, "timeout")
    while (p < end && !isDigit(at(bytes, p)) && at(bytes, p) !== COMMA) p++
    if (named && p < end && isDigit(at(bytes, p))) {
      let seconds = 0
      // Bounded by what a timer may hold: more digits say "long".
      for (; p < end && isDigit(at(bytes, p)); p++) seconds = Math.min(seconds * 10 + (at(bytes, p) - 0x30), 1e9)
      return seconds
    }
    while (p < end && at(bytes, p) !== COMMA) p++
  }
  return -1
}
