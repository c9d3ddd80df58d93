/** A small server on node:http that verifies Digest itself, by RFC 7616, written against the text and not against our client. */
import * as Effect from "effect/Effect"
import { createHash, randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/** What it protects and how. */
export interface Rules {
  readonly user: string
  readonly password: string
  readonly algorithm: "MD5" | "MD5-sess" | "SHA-256" | "SHA-256-sess" | "SHA-512-256" | "SHA-512-256-sess"
  /** Without it, the older form of RFC 2069. With `auth` both are offered, and `auth` is wanted. */
  readonly qop?: "auth" | "auth-int"
  /** Takes H(user:realm) for the user. */
  readonly userhash?: boolean
  /** A nonce is stale after so many uses. */
  readonly usesOfANonce?: number
  /** Gives the next nonce with every response. */
  readonly nextnonce?: boolean
  /** Proves that it knows the password, in the head or behind a body in chunks. */
  readonly rspauth?: "head" | "trailers"
  /** The response, whose hash is in the proof, is changed afterwards. */
  readonly tampered?: boolean
}

/** What it has seen. */
export interface DigestServer {
  readonly port: number
  readonly origin: string
  /** One line a request: `ok`, `no credentials`, `stale`, or what is wrong. */
  readonly log: Array<string>
  /** Those of requests that were let in, as text; of large ones their length in bytes. */
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

interface Body {
  readonly text: string
  readonly hash: string
}

const large = 1024 * 1024

const bodyOf = (request: IncomingMessage, algorithm: string): Promise<Body> =>
  new Promise((resolve) => {
    const hash = createHash(algorithm)
    let text = ""
    let length = 0
    request.on("data", (data: Buffer) => {
      hash.update(data)
      length += data.length
      if (length <= large) text += data.toString()
    })
    request.on("end", () => resolve({ text: length <= large ? text : String(length), hash: hash.digest("hex") }))
  })

const hashes = { "MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }

const hashFor = (algorithm: Rules["algorithm"]): string =>
  algorithm.startsWith("MD5")
    ? hashes["MD5"]
    : algorithm.startsWith("SHA-256")
    ? hashes["SHA-256"]
    : hashes["SHA-512-256"]

/** Starts it; it ends with the scope. */
export const digestServer = (rules: Rules) =>
  Effect.acquireRelease(
    Effect.async<DigestServer & { readonly close: Effect.Effect<void> }>((resume) => {
      const log: Array<string> = []
      const bodies: Array<string> = []
      let connections = 0
      // nonce -> the counts that were used with it
      const nonces = new Map<string, Set<string>>()
      // nonce -> what its session key is made of: the nonce of the challenge, and the first client nonce (RFC 7616 3.4.2)
      const primes = new Map<string, string>()
      const hash = (text: string): string => createHash(hashFor(rules.algorithm)).update(text).digest("hex")
      const issue = (): string => {
        const nonce = randomBytes(12).toString("base64")
        nonces.set(nonce, new Set())
        return nonce
      }

      const primeOf = (given: ReadonlyMap<string, string>): string => {
        const nonce = given.get("nonce") ?? ""
        return primes.get(nonce) ?? `${nonce}:${given.get("cnonce")}`
      }

      /** The response of an answer, or the rspauth of a server: only what is covered differs. */
      const digestOf = (given: ReadonlyMap<string, string>, covered: string): string => {
        const get = (name: string): string => given.get(name) ?? ""
        let secret = hash(`${rules.user}:${realm}:${rules.password}`)
        if (rules.algorithm.endsWith("-sess")) secret = hash(`${secret}:${primeOf(given)}`)
        return rules.qop === undefined
          ? hash(`${secret}:${get("nonce")}:${hash(covered)}`)
          : hash(`${secret}:${get("nonce")}:${get("nc")}:${get("cnonce")}:${get("qop")}:${hash(covered)}`)
      }

      const judge = (request: IncomingMessage, body: Body): string => {
        const { authorization } = request.headers
        if (authorization === undefined) return "no credentials"
        if (!authorization.startsWith("Digest ")) return "another scheme"
        const given = parse(authorization.slice(7))
        const get = (name: string): string => given.get(name) ?? ""
        const used = nonces.get(get("nonce"))
        if (used === undefined) return "stale"
        if (get("realm") !== realm) return "realm"
        const name = rules.userhash === true ? hash(`${rules.user}:${realm}`) : rules.user
        if (get("username") !== name || (get("userhash") === "true") !== (rules.userhash === true)) return "user"
        if (get("uri") !== request.url) return "uri"
        if (get("opaque") !== "an opaque value") return "opaque"
        if (get("algorithm") !== rules.algorithm) return "algorithm"
        const target = `${request.method}:${request.url}`
        const response = digestOf(given, rules.qop === "auth-int" ? `${target}:${body.hash}` : target)
        if (get("response") !== response) return "wrong"
        if (rules.qop === undefined) {
          if (given.has("nc") || given.has("qop")) return "qop where none was offered"
          return "ok"
        }
        if (get("qop") !== rules.qop) return "qop"
        if (!/^[0-9a-f]{8}$/.test(get("nc"))) return "nc"
        if (get("cnonce") === "") return "cnonce"
        if (used.has(get("nc"))) return "replayed"
        if (used.size >= (rules.usesOfANonce ?? Infinity)) return "stale"
        used.add(get("nc"))
        return "ok"
      }

      const proofOf = (request: IncomingMessage, given: ReadonlyMap<string, string>, body: string): string => {
        const covered = rules.qop === "auth-int" ? `:${request.url}:${hash(body)}` : `:${request.url}`
        return `qop=${rules.qop}, rspauth="${digestOf(given, covered)}", cnonce="${given.get("cnonce")}", nc=${
          given.get("nc")
        }`
      }

      const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const body = await bodyOf(request, hashFor(rules.algorithm))
        const verdict = judge(request, body)
        log.push(verdict)
        if (verdict !== "ok") {
          const quoted = realm.replaceAll("\"", "\\\"")
          const stale = verdict === "stale" ? ", stale=true" : ""
          const qop = rules.qop === undefined ? "" : rules.qop === "auth" ? `, qop="auth, auth-int"` : ", qop=auth-int"
          const userhash = rules.userhash === true ? ", userhash=true" : ""
          response.writeHead(401, {
            "WWW-Authenticate":
              `Digest realm="${quoted}", nonce="${issue()}", opaque="an opaque value", algorithm=${rules.algorithm}${qop}${stale}${userhash}`
          })
          response.end("who are you?")
          return
        }
        bodies.push(body.text)
        const given = parse((request.headers.authorization ?? "").slice(7))
        const prime = primeOf(given)
        primes.set(given.get("nonce") ?? "", prime)
        const next = rules.nextnonce === true ? issue() : undefined
        if (next !== undefined) primes.set(next, prime)
        const welcome = `welcome ${request.url}`
        const info = [
          ...(next === undefined ? [] : [`nextnonce="${next}"`]),
          ...(rules.rspauth === undefined ? [] : [proofOf(request, given, welcome)])
        ].join(", ")
        const sent = rules.tampered === true ? welcome.toUpperCase() : welcome
        if (rules.rspauth !== "trailers") {
          if (info !== "") response.setHeader("Authentication-Info", info)
          response.end(sent)
          return
        }
        response.setHeader("Trailer", "Authentication-Info")
        response.write(sent)
        response.addTrailers({ "Authentication-Info": info })
        response.end()
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
