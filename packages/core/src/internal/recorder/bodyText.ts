/** Bodies as text: which are, and how the secrets of forms and of JSON documents are taken out of those that are sent. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { redacted } from "./marker.ts"
import type { RecordedBody } from "./model.ts"
import type { Redaction } from "./redaction.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** The text of bytes that are text: UTF-8 without control characters. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  const text = Either.getOrUndefined(Either.try(() => utf8.decode(bytes)))

  return text === undefined || /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) ? undefined : text
}

export const bytesOf = (text: string): Uint8Array => encoder.encode(text)

/** Bytes that become base64 in one call; a multiple of three, so that the parts can be joined. */
const part = 24 * 1024

/** Base64 of bytes (RFC 4648 4), by the platform: a loop over characters takes twice as long and more. */
export const base64Of = (bytes: Uint8Array): string => {
  let encoded = ""
  for (let at = 0; at < bytes.length; at += part) {
    encoded += btoa(String.fromCharCode(...bytes.subarray(at, at + part)))
  }
  return encoded
}

/** A document of more bytes than these is not looked through. */
const scanned = 1024 * 1024

// every string is taken whole, to the end where it has none, so that one never begins within another and the whole is linear
const member = /"([^"\\]*(?:\\[^][^"\\]*)*)(?:"|\\?$)(\s*:\s*(?:"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|[-+.\w]+))?/g

const redactJson = (text: string, redaction: Redaction): string =>
  text.replace(member, (all: string, name: string, value: string | undefined) => {
    if (value === undefined) return all
    // a name that hides behind an escape is not looked at any closer
    if (!name.includes("\\") && !redaction.isSecretName(name)) return all
    return `"${name}"${/^\s*:\s*/.exec(value)?.[0] ?? ":"}"${redacted}"`
  })

const redactForm = (text: string, redaction: Redaction): string =>
  text.replace(/(^|&)([^&=]+)=[^&]*/g, (all: string, separator: string, name: string) => {
    const plain = Either.getOrElse(Encoding.decodeUriComponent(name.replaceAll("+", " ")), () => name)
    return redaction.isSecretName(plain) ? `${separator}${name}=${redacted}` : all
  })

const looksLike = (text: string): "form" | "json" | undefined =>
  /^\s*[[{]/.test(text) ? "json" : /^[\w.~%+[\]-]+=/.test(text) ? "form" : undefined

const kindOf = (text: string, contentType: string | undefined): "form" | "json" | undefined => {
  if (contentType === undefined) return looksLike(text)
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) return "form"
  return /^[^;]*\bjson\b/i.test(contentType) ? "json" : looksLike(text)
}

/** The body of a request without what forms and JSON documents name as secrets. One that is too long to tell is left out. */
export const redactRequestBody = (
  bytes: Uint8Array,
  contentType: string | undefined,
  redaction: Redaction
): RecordedBody => {
  if (redaction.isOff === true) return { _tag: "Kept", bytes }
  const text = textOf(bytes)
  const kind = text === undefined ? undefined : kindOf(text, contentType)
  if (text === undefined || kind === undefined) return { _tag: "Kept", bytes }
  if (bytes.length > scanned) return { _tag: "LeftOut", size: bytes.length }
  const clean = kind === "json" ? redactJson(text, redaction) : redactForm(text, redaction)
  return { _tag: "Kept", bytes: clean === text ? bytes : bytesOf(clean) }
}
