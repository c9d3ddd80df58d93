/** The Basic scheme (RFC 7617): a user and a password as one base64 text. */
import { binaryString, hasControl, hasLoneSurrogate, utf8 } from "./characters.ts"

/**
 * The bytes of a user or password: UTF-8 in Normalization Form C, where a server asks for it (`charset`; RFC 7617 2.1, RFC 7616 4) and
 * where it does not say, as curl and browsers have it. What a server compares with was typed into a terminal or a form.
 */
export const credentialBytes = (text: string): Uint8Array => utf8(text.normalize("NFC"))

/**
 * The value of `Authorization`, or `undefined` for what Basic cannot carry: a user with a colon, a control character, half a
 * surrogate pair.
 */
export const basicAuthorization = (input: {
  readonly user: string
  readonly password: string
}): string | undefined => {
  const both = `${input.user}:${input.password}`
  if (input.user.includes(":") || hasControl(both) || hasLoneSurrogate(both)) return undefined
  return `Basic ${btoa(binaryString(credentialBytes(both)))}`
}
