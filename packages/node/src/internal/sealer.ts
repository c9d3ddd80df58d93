/**
 * AES-256-GCM over a text, with a header that says how the key is made. The header is authenticated with the text, has a check
 * of the key, and a digest of its own, so that a wrong key is told from damage.
 *
 *     "URLSCRED" | version | key kind | log2 of scrypt's N | r | p | salt 16 | key check 16 | nonce 12 | digest of these 8
 *     encrypted text | tag 16
 */
import { CredentialStorageError, type Sealer } from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  scrypt,
  timingSafeEqual
} from "node:crypto"

/** See `NodeCredentialStorage.Key`. */
export type Key =
  | { readonly _tag: "Passphrase"; readonly passphrase: Redacted.Redacted; readonly cost: number }
  | { readonly _tag: "Bytes"; readonly bytes: Redacted.Redacted<Uint8Array> }

const magic = Buffer.from("URLSCRED", "latin1")
const version = 1
const kinds = { Bytes: 0, Passphrase: 1 } as const
const headerLength = 65
const tagLength = 16
const blockSize = 8
/** Fewer are guessed too fast, more take more memory (128 * 8 * N bytes) than a hostile file may ask for. */
export const minimumCost = 14
export const maximumCost = 20

/** How a key is made of what was given, as the header says it. */
interface Making {
  readonly kind: 0 | 1
  readonly cost: number
  readonly salt: Buffer
}

interface Keys {
  readonly making: Making
  readonly secret: Buffer
  readonly check: Buffer
}

const failed = (where: string, reason: CredentialStorageError["reason"], detail?: string) =>
  Effect.fail(new CredentialStorageError(detail === undefined ? { where, reason } : { where, reason, detail }))

const derive = (key: Key, making: Making, where: string): Effect.Effect<Keys, CredentialStorageError> => {
  const expand = (master: Uint8Array): Keys => {
    const of = (purpose: string, length: number) =>
      Buffer.from(hkdfSync("sha256", master, making.salt, `urlsession credentials 1 ${purpose}`, length))
    return { making, secret: of("encryption", 32), check: of("check", 16) }
  }
  if (key._tag === "Bytes") {
    const bytes = Redacted.value(key.bytes)
    return bytes.length === 32
      ? Effect.sync(() => expand(bytes))
      : failed(where, "KeyUnusable", `it has ${bytes.length} bytes instead of 32`)
  }
  const passphrase = Redacted.value(key.passphrase)
  if (passphrase === "") return failed(where, "KeyUnusable", "the passphrase is empty")
  return Effect.async((resume) => {
    const N = 2 ** making.cost
    const options = { N, r: blockSize, p: 1, maxmem: 256 * N * blockSize }
    scrypt(passphrase.normalize("NFC"), making.salt, 32, options, (cause, master) =>
      resume(
        cause === null
          ? Effect.sync(() => expand(master))
          : Effect.fail(
            new CredentialStorageError({
              where,
              reason: "KeyUnusable",
              detail: `scrypt needs ${(128 * N * blockSize) / 1024 / 1024} MiB of memory`,
              cause
            })
          )
      ))
  })
}

const headerOf = ({ check, making }: Keys, nonce: Buffer): Buffer => {
  const { cost, kind, salt } = making
  const fixed = Buffer.concat([
    magic,
    Buffer.from([version, kind, cost, kind === 0 ? 0 : blockSize, kind === 0 ? 0 : 1]),
    salt,
    check,
    nonce
  ])
  return Buffer.concat([fixed, digestOf(fixed)])
}

const digestOf = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest().subarray(0, 8)

interface Header {
  readonly making: Making
  readonly check: Buffer
  readonly nonce: Buffer
  readonly bytes: Buffer
}

const readHeader = (bytes: Buffer, where: string): Effect.Effect<Header, CredentialStorageError> => {
  const start = bytes.subarray(0, magic.length)
  if (!start.equals(magic)) {
    return start.equals(magic.subarray(0, start.length)) && start.length < magic.length
      ? failed(where, "Damaged", "it is cut off")
      : failed(where, "NotCredentials")
  }
  const found = bytes[8]
  if (found !== undefined && found !== version) return failed(where, "Foreign", `version ${found}`)
  if (bytes.length < headerLength + tagLength) return failed(where, "Damaged", "it is cut off")
  const header = bytes.subarray(0, headerLength)
  if (!digestOf(header.subarray(0, headerLength - 8)).equals(header.subarray(headerLength - 8))) {
    return failed(where, "Damaged", "its header has changed")
  }
  const [kind = 0, cost = 0, r = 0, p = 0] = header.subarray(9, 13)
  const isBytes = kind === kinds.Bytes && cost === 0 && r === 0 && p === 0
  const isPassphrase = kind === kinds.Passphrase && cost >= minimumCost && cost <= maximumCost && r === blockSize &&
    p === 1
  if (!isBytes && !isPassphrase) return failed(where, "Foreign", "its key is made in another way")
  return Effect.succeed({
    making: { kind: isBytes ? 0 : 1, cost, salt: header.subarray(13, 29) },
    check: header.subarray(29, 45),
    nonce: header.subarray(45, 57),
    bytes: header
  })
}

const decrypt = (keys: Keys, header: Header, sealed: Buffer): string | undefined => {
  const decipher = createDecipheriv("aes-256-gcm", keys.secret, header.nonce, { authTagLength: tagLength })
  decipher.setAAD(header.bytes)
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  const text = decipher.update(sealed.subarray(headerLength, sealed.length - tagLength))
  try {
    return Buffer.concat([text, decipher.final()]).toString("utf8")
  } catch {
    return undefined
  }
}

export const makeSealer = (key: Key): Sealer => {
  // a passphrase takes a good part of a second, so what was made of it is kept
  let known: Keys | undefined
  const keysFor = (making: Making, where: string): Effect.Effect<Keys, CredentialStorageError> =>
    known?.making.salt.equals(making.salt) === true && known.making.kind === making.kind &&
      known.making.cost === making.cost
      ? Effect.succeed(known)
      : derive(key, making, where)

  return {
    seal: (text, where) =>
      Effect.map(
        known === undefined
          ? derive(
            key,
            { kind: kinds[key._tag], cost: key._tag === "Bytes" ? 0 : key.cost, salt: randomBytes(16) },
            where
          )
          : Effect.succeed(known),
        (keys) => {
          known = keys
          const nonce = randomBytes(12)
          const header = headerOf(keys, nonce)
          const cipher = createCipheriv("aes-256-gcm", keys.secret, nonce, { authTagLength: tagLength })
          cipher.setAAD(header)
          return Buffer.concat([header, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
        }
      ),
    open: (sealed, where) =>
      Effect.gen(function*() {
        const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
        const header = yield* readHeader(bytes, where)
        if (header.making.kind !== kinds[key._tag]) {
          const detail = `it was written with ${header.making.kind === 0 ? "a key of 32 bytes" : "a passphrase"}`
          return yield* failed(where, "WrongKey", detail)
        }
        const keys = yield* keysFor({ ...header.making, salt: Buffer.from(header.making.salt) }, where)
        if (!timingSafeEqual(keys.check, header.check)) return yield* failed(where, "WrongKey")
        const text = decrypt(keys, header, bytes)
        if (text === undefined) return yield* failed(where, "Damaged", "it has changed since it was written")
        known = keys
        return text
      })
  }
}
