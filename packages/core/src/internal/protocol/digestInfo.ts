/** `Authentication-Info` (RFC 7616 3.5): what a server says after a request that it let in. */
import type { DigestQop } from "./digest.ts"
import { parseAuthParams } from "./wwwAuthenticate.ts"

/** What it says. */
export interface DigestInfo {
  readonly nextnonce: string | undefined
  /** In lower case. */
  readonly rspauth: string | undefined
  /** The protection of the response; `unknown` where none of ours is named, `undefined` where none is. */
  readonly qop: DigestQop | "unknown" | undefined
}

const qopOf = (text: string | undefined): DigestInfo["qop"] => {
  const name = text?.toLowerCase()
  return name === undefined || name === "auth" || name === "auth-int" ? name : "unknown"
}

/** Reads the lines of the field; of several the first that says something holds. */
export const digestInfo = (lines: ReadonlyArray<string>): DigestInfo => {
  const params = lines.map(parseAuthParams)
  const find = (name: string): string | undefined => params.find((one) => one.has(name))?.get(name)
  const nextnonce = find("nextnonce")
  return {
    nextnonce: nextnonce === "" ? undefined : nextnonce,
    rspauth: find("rspauth")?.toLowerCase(),
    qop: qopOf(find("qop"))
  }
}
