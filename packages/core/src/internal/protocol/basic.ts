/** The Basic scheme (RFC 7617): a user and a password as one base64 text. */
import { binaryString, hasControl, hasLoneSurrogate, latin1, utf8 } from "./characters.ts"
import type { Challenge } from "./wwwAuthenticate.ts"

/** The only charset that a challenge may name (RFC 7617 2.1); any other value means nothing. */
export const charsetOf = (challenge: Challenge): "utf-8" | undefined =>
  challenge.params.get("charset")?.toLowerCase() === "utf-8" ? "utf-8" : undefined

/**
 * The bytes of a user or password: UTF-8 in Normalization Form C where the server asks for it (RFC 7617 2.1, RFC 7616 4), else
 * Latin-1 where that can hold them, which is what servers without a charset have always read.
 */
export const credentialBytes = (text: string, charset: "utf-8" | undefined): Uint8Array => {
  const composed = text.normalize("NFC")
  return charset === "utf-8" ? utf8(composed) : latin1(composed) ?? utf8(composed)
}

/**
 * The value of `Authorization`, or `undefined` for what Basic cannot carry: a user with a colon, a control character, half a
 * surrogate pair.
 */
export const basicAuthorization = (input: {
  readonly user: string
  readonly password: string
  readonly charset: "utf-8" | undefined
}): string | undefined => {
  const both = `${input.user}:${input.password}`
  if (input.user.includes(":") || hasControl(both) || hasLoneSurrogate(both)) return undefined
  return `Basic ${btoa(binaryString(credentialBytes(both, input.charset)))}`
}
