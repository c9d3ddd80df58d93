/** What the tests of challenges share: resolvers that note what they are asked, and servers that check what they get. */
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import { Digests } from "@urlsession/core/Digests"
import * as Disposition from "@urlsession/core/Disposition"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { parseAuthParams } from "../../src/internal/protocol/wwwAuthenticate.ts"

const hex = (algorithm: string) => (data: Uint8Array): string => createHash(algorithm).update(data).digest("hex")

/** Hash functions, and client nonces that count, so that no two are the same. */
export const digests: Layer.Layer<Digests> = Layer.sync(Digests, () => {
  let last = 0
  return {
    md5: hex("md5"),
    sha256: hex("sha256"),
    sha512256: hex("sha512-256"),
    hasher: (name) => {
      const hash = createHash(name)
      return {
        update: (data) => {
          hash.update(data)
        },
        digest: () => hash.digest("hex")
      }
    },
    randomHex: (bytes) => (++last).toString(16).padStart(bytes * 2, "0")
  }
})

export const ada = Credential.password({ user: "ada", password: "lovelace" })
export const bob = Credential.password({ user: "bob", password: "builder" })
export const wrong = Credential.password({ user: "ada", password: "guess" })

export const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")
export const basicOf = (credential: Credential.PasswordCredential): string =>
  `Basic ${base64(`${credential.user}:${Redacted.value(credential.password)}`)}`

/** What a request carried, in the clear. */
export const authorizationOf = (request: TestTransport.ReceivedRequest | undefined): string | undefined =>
  request?.authorization === undefined ? undefined : Redacted.value(request.authorization)

/** The `Authorization` of every request so far. */
export const sent = Effect.map(
  Effect.flatMap(TestTransport.TestTransport, (transport) => transport.requests),
  (requests) => requests.map(authorizationOf)
)

/** Lets in whoever comes with one of these credentials, and asks the others for Basic. */
export const basicServer =
  (...accepted: ReadonlyArray<Credential.PasswordCredential>) =>
  (request: TestTransport.ReceivedRequest): TestTransport.Script =>
    accepted.map(basicOf).includes(authorizationOf(request) ?? "")
      ? TestTransport.respond(200, { body: "in" })
      : TestTransport.challenge("Basic realm=\"api\"")

/** A resolver's notes. */
export class Asked {
  readonly challenges: Array<AuthenticationChallenge> = []

  /** An answer that notes the challenge first. */
  readonly answering =
    (answer: (challenge: AuthenticationChallenge) => Disposition.Disposition) =>
    (challenge: AuthenticationChallenge): Effect.Effect<Disposition.Disposition> =>
      Effect.sync(() => {
        this.challenges.push(challenge)
        return answer(challenge)
      })

  /** A Basic entry for every origin. */
  readonly basic = (...answers: ReadonlyArray<Disposition.Disposition>) =>
    ChallengeResolver.anyOrigin(
      this.answering(() => answers[Math.min(this.challenges.length, answers.length) - 1] ?? Disposition.next)
    )

  get count(): number {
    return this.challenges.length
  }
  get last(): AuthenticationChallenge | undefined {
    return this.challenges[this.challenges.length - 1]
  }
}

/** A resolver that answers Basic and Digest with one credential, everywhere. */
export const always = (credential: Credential.PasswordCredential) => {
  const entry = ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.use(credential)))
  return ChallengeResolver.make({ Basic: entry, Digest: entry })
}

export const spaceOf = (
  method: ProtectionSpace.AuthenticationMethod,
  realm: string | undefined,
  origin = "https://api.test"
): ProtectionSpace.ProtectionSpace => {
  const url = new URL(origin)
  return ProtectionSpace.make({
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    protocol: url.protocol.slice(0, -1),
    method,
    realm
  })
}

/** A storage that already has a default for some spaces. */
export const storageWith = (
  ...entries: ReadonlyArray<readonly [Credential.PasswordCredential, ProtectionSpace.ProtectionSpace]>
): Layer.Layer<CredentialStorage.CredentialStorage> =>
  Layer.effect(
    CredentialStorage.CredentialStorage,
    Effect.tap(CredentialStorage.makeMemory, (storage) =>
      Effect.forEach(entries, ([credential, space]) => storage.setDefaultCredential(credential, space)))
  )

export const defaultOf = (space: ProtectionSpace.ProtectionSpace) =>
  Effect.flatMap(
    CredentialStorage.CredentialStorage,
    (storage) => Effect.map(storage.defaultCredential(space), Option.getOrUndefined)
  )

/** The parameters of a Digest answer. */
export const digestParams = (authorization: string | undefined): ReadonlyMap<string, string> =>
  parseAuthParams((authorization ?? "").replace(/^Digest /, ""))

/** A Digest server that keeps to the letter: it checks every answer, and refuses a nonce count that it has seen. */
export class DigestServer {
  nonce = "n-1"
  readonly realm: string
  readonly algorithm: string
  readonly credential: Credential.PasswordCredential
  /** More parameters of its challenges. */
  more: string
  /** `nextnonce` for an answer that was let in. */
  next: (() => string | undefined) | undefined = undefined
  /** Whether it says of an old nonce that it is only old. */
  saysStale = true
  readonly seen = new Set<string>()
  challenges = 0

  constructor(
    credential: Credential.PasswordCredential,
    options: { readonly realm?: string; readonly algorithm?: string; readonly more?: string } = {}
  ) {
    this.credential = credential
    this.realm = options.realm ?? "api"
    this.algorithm = options.algorithm ?? "SHA-256"
    this.more = options.more ?? ""
  }

  line(stale = false): string {
    return `Digest realm="${this.realm}", qop="auth", algorithm=${this.algorithm}, nonce="${this.nonce}"` +
      `${stale ? ", stale=true" : ""}${this.more}`
  }

  readonly answer = (request: TestTransport.ReceivedRequest): TestTransport.Script => {
    const params = digestParams(authorizationOf(request))
    const known = params.get("response") !== undefined && params.get("response") === this.#expected(request, params)
    const use = `${params.get("nonce")} ${params.get("nc")}`
    const fresh = params.get("nonce") === this.nonce && !this.seen.has(use)
    if (!known || !fresh) {
      this.challenges++
      return TestTransport.challenge(this.line(known && this.saysStale))
    }
    this.seen.add(use)
    const next = this.next?.()
    if (next !== undefined) this.nonce = next
    return TestTransport.respond(200, {
      body: "in",
      headers: next === undefined ? {} : { "authentication-info": `nextnonce="${next}"` }
    })
  }

  #expected(request: TestTransport.ReceivedRequest, params: ReadonlyMap<string, string>): string {
    const h = (text: string) =>
      createHash(this.algorithm.startsWith("SHA") ? "sha256" : "md5").update(text).digest("hex")
    const url = new URL(request.url)
    const plain = h(`${this.credential.user}:${this.realm}:${Redacted.value(this.credential.password)}`)
    const ha1 = this.algorithm.endsWith("-sess") ? h(`${plain}:${params.get("nonce")}:${params.get("cnonce")}`) : plain
    const ha2 = h(`${request.method}:${url.pathname}${url.search}`)
    return h(
      `${ha1}:${params.get("nonce")}:${params.get("nc")}:${params.get("cnonce")}:${params.get("qop")}:${ha2}`
    )
  }
}
