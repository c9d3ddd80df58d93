/**
 * A Digest server that keeps to the letter of RFC 7616 and computes everything by itself: it checks every parameter and both
 * bodies, lets no count pass twice, and proves in its turn that it knows the password.
 */
import type * as Credential from "@urlsession/core/Credential"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { authorizationOf, digestParams } from "./authSupport.ts"

const hashes: Readonly<Record<string, string>> = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }

/** How it proves itself: where, and what it gets wrong. */
export interface Proof {
  readonly where: "head" | "trailers"
  readonly qop?: "auth" | "auth-int" | "other" | "none"
  /** `secret`: it does not know the password. `body`: what it sends is not what it has hashed. */
  readonly lie?: "secret" | "body" | undefined
  /** Whether the head says that trailers follow. */
  readonly announced?: boolean
  /** The length of the body is not announced, as it is where a response is sent in chunks. */
  readonly chunked?: boolean
}

export interface Rules {
  readonly credential: Credential.PasswordCredential
  readonly algorithm?: string
  readonly qop?: "auth" | "auth-int" | undefined
  readonly realm?: string
  readonly userhash?: boolean
  readonly more?: string
  /** A nonce is stale after so many uses. */
  readonly uses?: number
  /** The next nonce is named with every response, in the head or behind the body. */
  readonly nextnonce?: "head" | "trailers"
  readonly proof?: Proof
  readonly body?: string
  readonly fields?: Readonly<Record<string, string>>
}

/** See the head of this file. */
export class StrictServer {
  readonly #rules: Rules
  readonly #uses = new Map<string, Set<string>>()
  /** What was wrong with each request: `""` for those that were let in. */
  readonly verdicts: Array<string> = []
  #nonces = 0

  constructor(rules: Rules) {
    this.#rules = rules
  }

  count(verdict: string): number {
    return this.verdicts.filter((one) => one === verdict).length
  }

  /** The counts that were used with each nonce. */
  get uses(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#uses
  }

  #issue(): string {
    const nonce = `nonce ${++this.#nonces} "\\`
    this.#uses.set(nonce, new Set())
    return nonce
  }

  /** All nonces are old from now on. */
  expire(): void {
    this.#uses.clear()
  }

  readonly answer = (request: TestTransport.ReceivedRequest): TestTransport.Script => {
    const params = digestParams(authorizationOf(request))
    const verdict = authorizationOf(request) === undefined ? "nobody" : this.#judge(request, params)
    this.verdicts.push(verdict)
    return verdict === "" ? this.#welcome(request, params) : TestTransport.challenge(this.line(verdict === "stale"))
  }

  line(stale = false): string {
    const { algorithm = "SHA-256", more = "", realm = "api", userhash = false } = this.#rules
    const qop = "qop" in this.#rules ? this.#rules.qop : "auth"
    const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`
    return `Digest realm=${quoted(realm)}, algorithm=${algorithm}, nonce=${quoted(this.#issue())}, opaque="o"` +
      `${qop === undefined ? "" : `, qop="${qop}"`}${userhash ? ", userhash=true, charset=UTF-8" : ""}` +
      `${stale ? ", stale=true" : ""}${more}`
  }

  #h(...parts: ReadonlyArray<string>): string {
    const algorithm = (this.#rules.algorithm ?? "SHA-256").replace("-sess", "")
    return createHash(hashes[algorithm] ?? "").update(parts.join(":")).digest("hex")
  }

  #secret(params: ReadonlyMap<string, string>, password = Redacted.value(this.#rules.credential.password)): string {
    const { algorithm = "SHA-256", credential, realm = "api" } = this.#rules
    const plain = this.#h(credential.user, realm, password)
    return algorithm.endsWith("-sess") ? this.#h(plain, params.get("nonce") ?? "", params.get("cnonce") ?? "") : plain
  }

  #kd(params: ReadonlyMap<string, string>, secret: string, qop: string | undefined, ...what: Array<string>): string {
    const get = (name: string) => params.get(name) ?? ""
    const protection = qop === undefined ? [] : [get("nc"), get("cnonce"), qop]
    return this.#h(secret, get("nonce"), ...protection, this.#h(...what))
  }

  #judge(request: TestTransport.ReceivedRequest, params: ReadonlyMap<string, string>): string {
    const { algorithm = "SHA-256", credential, realm = "api", userhash = false } = this.#rules
    const qop = "qop" in this.#rules ? this.#rules.qop : "auth"
    const get = (name: string) => params.get(name)
    const { pathname, search } = new URL(request.url)
    const used = this.#uses.get(get("nonce") ?? "")
    if (get("realm") !== realm) return "realm"
    if (get("username") !== (userhash ? this.#h(credential.user, realm) : credential.user)) return "user"
    if ((get("userhash") === "true") !== userhash || get("username*") !== undefined) return "userhash"
    if (get("uri") !== pathname + search) return "uri"
    if (get("algorithm") !== algorithm) return "algorithm"
    if (get("opaque") !== "o") return "opaque"
    if (get("qop") !== qop) return "qop"
    if (qop !== undefined && !/^[0-9a-f]{8}$/.test(get("nc") ?? "")) return "nc"
    const body = qop === "auth-int" ? [this.#h(new TextDecoder().decode(request.body ?? new Uint8Array()))] : []
    const response = this.#kd(params, this.#secret(params), qop, request.method, get("uri") ?? "", ...body)
    if (get("response") !== response) return "wrong"
    if (used === undefined) return "stale"
    const nc = get("nc") ?? `use ${used.size}`
    if (used.has(nc)) return "replayed"
    if (used.size >= (this.#rules.uses ?? Infinity)) return "stale"
    used.add(nc)
    return ""
  }

  #info(request: TestTransport.ReceivedRequest, params: ReadonlyMap<string, string>, where: "head" | "trailers") {
    const { body = "in", nextnonce, proof } = this.#rules
    const parts: Array<string> = []
    if (proof?.where === where) {
      const said = proof.qop ?? params.get("qop")
      const qop = said === "none" ? undefined : said
      const secret = this.#secret(params, proof.lie === "secret" ? "another password" : undefined)
      const covered = qop === "auth-int" ? [this.#h(proof.lie === "body" ? `${body}!` : body)] : []
      const { pathname, search } = new URL(request.url)
      parts.push(`rspauth="${this.#kd(params, secret, qop, "", pathname + search, ...covered)}"`)
      if (qop !== undefined) {
        parts.push(`qop=${qop}`, `cnonce="${params.get("cnonce")}"`, `nc=${params.get("nc")}`)
      }
    }
    if (nextnonce === where) parts.push(`nextnonce="${this.#issue().replace(/["\\]/g, "\\$&")}"`)
    return parts.length === 0 ? {} : { "authentication-info": parts.join(", ") }
  }

  #welcome(request: TestTransport.ReceivedRequest, params: ReadonlyMap<string, string>): TestTransport.Script {
    const { body = "in", fields = {}, nextnonce, proof } = this.#rules
    const chunked = proof?.chunked ?? (proof?.where === "trailers" || nextnonce === "trailers")
    const length = chunked ? undefined : body.length
    const headers = {
      ...fields,
      ...this.#info(request, params, "head"),
      ...(proof?.announced === true ? { trailer: "Expires, Authentication-Info" } : {})
    }
    const trailers = HeaderFields.fromEntries(Object.entries(this.#info(request, params, "trailers")))
    const bytes = request.method === "HEAD" ? [] : [...body].flatMap((one) => TestTransport.bytes(one))
    return [...TestTransport.head(200, headers, length), ...bytes, { _tag: "End", trailers }]
  }
}
