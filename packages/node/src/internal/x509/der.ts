/** DER (X.690), read strictly: definite lengths in their shortest form, and nothing left over. Never throws. */

export interface Element {
  readonly tag: number
  /** With its tag and its length. */
  readonly whole: Uint8Array
  readonly value: Uint8Array
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30
} as const

const elementAt = (bytes: Uint8Array, at: number): Element | undefined => {
  const tag = bytes[at]
  const first = bytes[at + 1]
  // tags of more than one byte are in no certificate
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined
  let from = at + 2
  let length = first
  if (first >= 0x80) {
    const count = first - 0x80
    if (count < 1 || count > 4 || from + count > bytes.length) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[from + i] ?? 0)
    if (length < 0x80 || length < 256 ** (count - 1)) return undefined
    from += count
  }
  const to = from + length
  return to > bytes.length ? undefined : { tag, whole: bytes.subarray(at, to), value: bytes.subarray(from, to) }
}

/** All elements of some bytes, one after the other; `undefined` where they are not whole. */
export const elementsOf = (bytes: Uint8Array): ReadonlyArray<Element> | undefined => {
  const found: Array<Element> = []
  for (let at = 0; at < bytes.length;) {
    const one = elementAt(bytes, at)
    if (one === undefined) return undefined
    found.push(one)
    at += one.whole.length
  }
  return found
}

/** The one element that some bytes are. */
export const elementOf = (bytes: Uint8Array): Element | undefined => {
  const one = elementAt(bytes, 0)
  return one?.whole.length === bytes.length ? one : undefined
}

/** What is in a constructed element; `undefined` where it is none, or is broken. */
export const childrenOf = (element: Element | undefined): ReadonlyArray<Element> | undefined =>
  element === undefined || (element.tag & 0x20) === 0 ? undefined : elementsOf(element.value)

/** What is in a SEQUENCE. */
export const sequenceOf = (element: Element | undefined): ReadonlyArray<Element> | undefined =>
  element?.tag === tags.sequence ? childrenOf(element) : undefined

/** An object identifier with dots; empty where there is none. */
export const oidOf = (element: Element | undefined): string => {
  if (element === undefined || element.tag !== tags.oid || element.value.length === 0) return ""
  const numbers: Array<number> = []
  let number = 0
  for (const byte of element.value) {
    number = number * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    numbers.push(number)
    number = 0
  }
  const [first = 0, ...rest] = numbers
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...rest].join(".")
}

/** An integer as hexadecimal digits without zeros before it. */
export const integerOf = (element: Element | undefined): string | undefined =>
  element === undefined || element.tag !== tags.integer || element.value.length === 0
    ? undefined
    : Buffer.from(element.value).toString("hex").replace(/^0+(?=.)/, "")

/** The bytes of a BIT STRING of whole bytes. */
export const bitsOf = (element: Element | undefined): Uint8Array | undefined =>
  element?.tag === tags.bitString && element.value[0] === 0 ? element.value.subarray(1) : undefined

const times = {
  [tags.utcTime]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
  // fractions are not allowed there, and some responders write them
  [tags.generalizedTime]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/
}

/** A time in milliseconds since the epoch (RFC 5280 4.1.2.5). */
export const timeOf = (element: Element | undefined): number | undefined => {
  if (element?.tag !== tags.utcTime && element?.tag !== tags.generalizedTime) return undefined
  const found = times[element.tag].exec(Buffer.from(element.value).toString("latin1"))
  if (found === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number)
  const full = element.tag === tags.generalizedTime ? year : year < 50 ? 2000 + year : 1900 + year
  const time = Date.UTC(full, month - 1, day, hour, minute, second)
  return Number.isNaN(time) ? undefined : time
}

/** Whether two pieces are the same bytes. */
export const sameBytes = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0
