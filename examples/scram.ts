/**
 * SCRAM-SHA-256 for HTTP (RFC 7804), as whoever needs a scheme that is not built in would write it: one value, made of three steps,
 * and nothing of the session is touched. It is given to a session as a Layer; its entry in the resolver stands under its name:
 *
 * ```
 * const Delegate = Layer.merge(
 *   AuthenticationScheme.layer(scramSha256()),
 *   ChallengeResolver.layer({ schemes: { "SCRAM-SHA-256": ChallengeResolver.forSpace({ origin }, answer) } })
 * )
 * ```
 */
import { type AuthenticationScheme, SchemeError, type SchemeExchange } from "@urlsession/core/AuthenticationScheme"
import type { PasswordCredential } from "@urlsession/core/Credential"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto"

const name = "SCRAM-SHA-256"

/** Fewer make the password easy to guess for who hears the exchange; more are an attack on this side (RFC 7677 4). */
const [fewest, most] = [4096, 1_000_000]

const malformed = (detail: string) => new SchemeError({ reason: "Malformed", detail })

const encode = (text: string): string => Buffer.from(text, "utf8").toString("base64")
const decode = (data: string): string => Buffer.from(data, "base64").toString("utf8")
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()
const xor = (left: Buffer, right: Buffer): Buffer => Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)))

/** `r=...,s=...,i=...` as a map (RFC 5802 5.1). Servers may end it with a line feed, as the RFC's own example does. */
const attributes = (message: string): ReadonlyMap<string, string> =>
  new Map(message.trimEnd().split(",").map((one) => [one.slice(0, 1), one.slice(2)]))

interface ServerFirst {
  readonly message: string
  readonly nonce: string
  readonly salt: Buffer
  readonly iterations: number
}

const serverFirst = (data: string, nonce: string): ServerFirst | SchemeError => {
  const message = decode(data).trimEnd()
  const said = attributes(message)
  const iterations = Number(said.get("i"))
  const [combined = "", salt = ""] = [said.get("r"), said.get("s")]
  if (said.has("m")) return malformed("the server wants an extension that is not known here")
  if (!combined.startsWith(nonce) || combined.length === nonce.length) {
    return malformed("the nonce of the server does not begin with ours, or adds nothing to it")
  }
  if (salt === "") return malformed("the server names no salt")
  if (!(iterations >= fewest && iterations <= most)) {
    return malformed(`the server wants ${said.get("i")} iterations, and ${fewest} to ${most} are allowed`)
  }
  return { message, nonce: combined, salt: Buffer.from(salt, "base64"), iterations }
}

const saltedPassword = (
  { password }: PasswordCredential,
  { iterations, salt }: ServerFirst
): Effect.Effect<Buffer, SchemeError> =>
  Effect.async((resume) => {
    pbkdf2(Redacted.value(password).normalize("NFKC"), salt, iterations, 32, "sha256", (error, key) => {
      resume(error === null ? Effect.succeed(key) : Effect.fail(malformed("the key cannot be derived")))
    })
  })

class Exchange implements SchemeExchange {
  readonly #credential: PasswordCredential
  readonly #nonce: string
  readonly #firstBare: string
  #next: string
  #serverSignature: Buffer | undefined = undefined

  constructor(credential: PasswordCredential, realm: string | undefined, nonce: string) {
    const user = credential.user.normalize("NFKC").replaceAll("=", "=3D").replaceAll(",", "=2C")
    this.#credential = credential
    this.#nonce = nonce
    this.#firstBare = `n=${user},r=${nonce}`
    const named = realm === undefined ? "" : `realm="${realm.replace(/["\\]/g, "\\$&")}", `
    this.#next = `${named}data=${encode(`n,,${this.#firstBare}`)}`
  }

  readonly next: SchemeExchange["next"] = () => Effect.sync(() => Redacted.make(`${name} ${this.#next}`))

  readonly challenged: SchemeExchange["challenged"] = ({ params }) =>
    Effect.suspend(() => {
      const [sid, data] = [params.get("sid"), params.get("data")]
      // a challenge without a message is the first one again: the server has refused the last
      if (sid === undefined || data === undefined || this.#serverSignature !== undefined) {
        return Effect.succeed("Refused")
      }
      const first = serverFirst(data, this.#nonce)
      return first instanceof SchemeError ? Effect.fail(first) : Effect.as(this.#answer(sid, first), "Continue")
    })

  readonly #answer = (sid: string, first: ServerFirst): Effect.Effect<void, SchemeError> =>
    Effect.map(saltedPassword(this.#credential, first), (salted) => {
      const withoutProof = `c=biws,r=${first.nonce}`
      const whole = `${this.#firstBare},${first.message},${withoutProof}`
      const clientKey = hmac(salted, "Client Key")
      const storedKey = createHash("sha256").update(clientKey).digest()
      const proof = xor(clientKey, hmac(storedKey, whole)).toString("base64")
      this.#serverSignature = hmac(hmac(salted, "Server Key"), whole)
      this.#next = `sid=${sid}, data=${encode(`${withoutProof},p=${proof}`)}`
    })

  readonly accepted: SchemeExchange["accepted"] = ({ fields, status }) =>
    Effect.suspend(() => {
      // an error is no statement about who the server is
      if (status >= 400) return Effect.void
      const info = fields.get("authentication-info") ?? ""
      const data = /(?:^|[,\s])data="?([A-Za-z0-9+/=]+)/i.exec(info)?.[1] ?? ""
      const signature = Buffer.from(attributes(decode(data)).get("v") ?? "", "base64")
      const expected = this.#serverSignature
      const proved = expected !== undefined && signature.length === expected.length &&
        timingSafeEqual(signature, expected)
      return proved ? Effect.void : Effect.fail(
        new SchemeError({
          reason: "ServerNotAuthenticated",
          detail: "the server has not proved that it knows the password"
        })
      )
    })
}

/** The scheme. The nonce is for tests that repeat what the RFC shows. */
export const scramSha256 = (nonce: () => string = () => randomBytes(18).toString("base64")): AuthenticationScheme => ({
  name,
  strength: 40,
  binding: "request",
  hidesSecret: true,
  // in the middle of an exchange there is no realm, and a session id instead
  answers: ({ params }) => params.has("realm") || params.has("sid"),
  begin: (challenge, credential) =>
    /[\0-\x1f\x7f]/.test(credential.user)
      ? Effect.fail(
        new SchemeError({ reason: "CredentialUnusable", detail: "the user name has control characters in it" })
      )
      : Effect.sync(() => new Exchange(credential, challenge.space.realm, nonce()))
})
