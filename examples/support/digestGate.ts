/** The server's side of Digest access authentication (RFC 7616): SHA-256, qop auth, one user. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

/** Who may come in. */
export interface Account {
  readonly realm: string
  readonly user: string
  readonly password: string
}

/** The door of one server. */
export interface DigestGate {
  /** What a 401 says in `WWW-Authenticate`. */
  readonly challenge: () => string
  /** Whether these credentials, the value of `Authorization`, are right for this request. */
  readonly admits: (method: string, target: string, authorization: string | undefined) => boolean
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** The parameters of a Digest field; it is our own client's, so its form is not tested further. */
const parametersOf = (authorization: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const [, name = "", quoted, token] of authorization.slice(7).matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]+))/gi)) {
    found.set(name.toLowerCase(), quoted ?? token ?? "")
  }
  return found
}

/** A door with nonces of its own. Each nonce can be used many times, with a count that grows (RFC 7616 3.4). */
export const make = ({ password, realm, user }: Account): DigestGate => {
  const counts = new Map<string, number>()
  return {
    challenge: () => {
      const nonce = randomBytes(16).toString("hex")
      counts.set(nonce, 0)
      return `Digest realm="${realm}", qop="auth", algorithm=SHA-256, nonce="${nonce}"`
    },
    admits: (method, target, authorization) => {
      if (authorization === undefined || !/^digest /i.test(authorization)) return false
      const given = parametersOf(authorization)
      const value = (name: string): string => given.get(name) ?? ""
      const count = parseInt(value("nc"), 16)
      const last = counts.get(value("nonce"))
      if (last === undefined || !(count > last) || value("uri") !== target || value("username") !== user) return false
      const secret = sha256(`${user}:${realm}:${password}`)
      const request = sha256(`${method}:${target}`)
      const expected = sha256(`${secret}:${value("nonce")}:${value("nc")}:${value("cnonce")}:auth:${request}`)
      const response = value("response")
      if (response.length !== expected.length || !timingSafeEqual(Buffer.from(response), Buffer.from(expected))) {
        return false
      }
      counts.set(value("nonce"), count)
      return true
    }
  }
}
