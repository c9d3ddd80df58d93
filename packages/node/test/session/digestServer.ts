/** A small server on node:http that verifies Digest itself, by RFC 7616, written against the text and not against our client. */
import * as Effect from "effect/Effect"
import { createHash, randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/** What it protects and how. */
export interface Rules {
  readonly user: string
  readonly password: string
  readonly algorithm: "MD5" | "MD5-sess" | "SHA-256" | "SHA-256-sess"
  /** Without it, the older form of RFC 2069. */
  readonly qop?: "auth"
  /** A nonce is stale after so many uses. */
  readonly usesOfANonce?: number
  /** Gives the next nonce with every response. */
  readonly nextnonce?: boolean
}

/** What it has seen. */
export interface DigestServer {
  readonly port: number
  readonly origin: string
  /** One line a request: `ok`, `no credentials`, `stale`, or what is wrong. */
  readonly log: Array<string>
  readonly bodies: Array<string>
  readonly nonces: () => number
  readonly connections: () => number
}

const realm = "the \"vault\""

const parse = (value: string): Map<string, string> => {
  const found = new Map<string, string>()
  for (const [, name = "", quoted, token] of value.matchAll(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    if (found.has(name)) throw new Error(`twice: ${name}`)
    found.set(name.toLowerCase(), quoted === undefined ? token ?? "" : quoted.replace(/\\(.)/g, "$1"))
  }
  return found
}

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    let body = ""
    request.on("data", (data: Buffer) => body += data.toString())
    request.on("end", () => resolve(body))
  })

/** Starts it; it ends with the scope. */
export const digestServer = (rules: Rules) =>
  Effect.acquireRelease(
    Effect.async<DigestServer & { readonly close: Effect.Effect<void> }>((resume) => {
      const log: Array<string> = []
      const bodies: Array<string> = []
      let connections = 0
      // nonce -> the counts that were used with it
      const nonces = new Map<string, Set<string>>()
      const hash = (text: string): string =>
        createHash(rules.algorithm.startsWith("MD5") ? "md5" : "sha256").update(text).digest("hex")
      const issue = (): string => {
        const nonce = randomBytes(12).toString("base64")
        nonces.set(nonce, new Set())
        return nonce
      }

      const judge = (request: IncomingMessage): string => {
        const { authorization } = request.headers
        if (authorization === undefined) return "no credentials"
        if (!authorization.startsWith("Digest ")) return "another scheme"
        const given = parse(authorization.slice(7))
        const get = (name: string): string => given.get(name) ?? ""
        const used = nonces.get(get("nonce"))
        if (used === undefined) return "stale"
        if (get("realm") !== realm) return "realm"
        if (get("username") !== rules.user) return "user"
        if (get("uri") !== request.url) return "uri"
        if (get("opaque") !== "an opaque value") return "opaque"
        if (get("algorithm") !== rules.algorithm) return "algorithm"
        let secret = hash(`${rules.user}:${realm}:${rules.password}`)
        if (rules.algorithm.endsWith("-sess")) secret = hash(`${secret}:${get("nonce")}:${get("cnonce")}`)
        const target = hash(`${request.method}:${request.url}`)
        const response = rules.qop === undefined
          ? hash(`${secret}:${get("nonce")}:${target}`)
          : hash(`${secret}:${get("nonce")}:${get("nc")}:${get("cnonce")}:${get("qop")}:${target}`)
        if (get("response") !== response) return "wrong"
        if (rules.qop === undefined) {
          if (given.has("nc") || given.has("qop")) return "qop where none was offered"
          return "ok"
        }
        if (get("qop") !== "auth") return "qop"
        if (!/^[0-9a-f]{8}$/.test(get("nc"))) return "nc"
        if (get("cnonce") === "") return "cnonce"
        if (used.has(get("nc"))) return "replayed"
        if (used.size >= (rules.usesOfANonce ?? Infinity)) return "stale"
        used.add(get("nc"))
        return "ok"
      }

      const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const verdict = judge(request)
        log.push(verdict)
        const body = await bodyOf(request)
        if (verdict !== "ok") {
          const quoted = realm.replaceAll("\"", "\\\"")
          const stale = verdict === "stale" ? ", stale=true" : ""
          const qop = rules.qop === undefined ? "" : `, qop="auth, auth-int"`
          response.writeHead(401, {
            "WWW-Authenticate":
              `Digest realm="${quoted}", nonce="${issue()}", opaque="an opaque value", algorithm=${rules.algorithm}${qop}${stale}`
          })
          response.end("who are you?")
          return
        }
        bodies.push(body)
        if (rules.nextnonce === true) response.setHeader("Authentication-Info", `nextnonce="${issue()}"`)
        response.end(`welcome ${request.url}`)
      }

      const server = createServer((request, response) => void answer(request, response))
      server.on("connection", () => connections++)
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({
          port,
          origin: `http://127.0.0.1:${port}`,
          log,
          bodies,
          nonces: () => nonces.size,
          connections: () => connections,
          close: Effect.async<void>((done) => {
            server.close(() => done(Effect.void))
            server.closeAllConnections()
          })
        }))
      })
    }),
    (server) => server.close
  )
