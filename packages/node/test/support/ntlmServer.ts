/** A server that speaks NTLM and believes nothing: it makes the proof and the integrity code itself, with Node's HMAC. */
import * as Effect from "effect/Effect"
import { createHash, createHmac, randomBytes } from "node:crypto"
import type * as tls from "node:tls"
import { md4 } from "../../../core/src/internal/protocol/ntlm/md4.ts"
import { type Peer, rawServer, response } from "./rawServer.ts"

const hmac = (key: Uint8Array, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const mac = createHmac("md5", key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le")

/** One connection's exchange. */
interface Talk {
  negotiate: Buffer
  challenge: Buffer
  nonce: Buffer
  user: string | undefined
}

const attribute = (id: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, value])
}

/** CHALLENGE with flags for version 2, Unicode and a target. */
const challengeOf = (nonce: Buffer): Buffer => {
  const info = Buffer.concat([
    attribute(2, utf16("DOMAIN")),
    attribute(1, utf16("SERVER")),
    attribute(0, Buffer.alloc(0))
  ])
  const head = Buffer.alloc(56)
  head.write("NTLMSSP\0", 0, "latin1")
  head.writeUInt32LE(2, 8)
  head.writeUInt32LE(56, 16)
  head.writeUInt32LE(0xa28a8205, 20)
  nonce.copy(head, 24)
  head.writeUInt16LE(info.length, 40)
  head.writeUInt16LE(info.length, 42)
  head.writeUInt32LE(56, 44)
  return Buffer.concat([head, info])
}

const partOf = (message: Buffer, at: number): Buffer =>
  message.subarray(message.readUInt32LE(at + 4), message.readUInt32LE(at + 4) + message.readUInt16LE(at))

const attributesOf = (info: Buffer): ReadonlyMap<number, Buffer> => {
  const all = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= info.length && info.readUInt16LE(at) !== 0; at += 4 + info.readUInt16LE(at + 2)) {
    all.set(info.readUInt16LE(at), info.subarray(at + 4, at + 4 + info.readUInt16LE(at + 2)))
  }
  return all
}

/** What is wrong with an AUTHENTICATE; `undefined`: the user is who it says. */
const faultOf = (
  message: Buffer,
  talk: Talk,
  passwords: Readonly<Record<string, string>>,
  binding: Buffer
): string | undefined => {
  const nt = partOf(message, 20)
  const domain = partOf(message, 28)
  const user = partOf(message, 36).toString("utf16le")
  const password = passwords[user]
  if (password === undefined) return `nobody is ${user}`
  const key = hmac(md4(utf16(password)), utf16(user.toUpperCase()), domain)
  const proof = hmac(key, talk.nonce, nt.subarray(16))
  if (!proof.equals(nt.subarray(0, 16))) return "wrong password"
  const attributes = attributesOf(nt.subarray(16 + 28))
  if (((attributes.get(6)?.[0] ?? 0) & 2) === 0) return "no integrity code"
  if (attributes.get(10)?.equals(binding) !== true) return "bound to another channel"
  const without = Buffer.from(message)
  without.fill(0, 72, 88)
  const mic = hmac(hmac(key, proof), talk.negotiate, talk.challenge, without)
  if (!mic.equals(message.subarray(72, 88))) return "the messages were changed"
  talk.user = user
  return undefined
}

const bindingTo = (certificate: Uint8Array | undefined): Buffer => {
  if (certificate === undefined) return Buffer.alloc(16)
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), createHash("sha256").update(certificate).digest()])
  const head = Buffer.alloc(20)
  head.writeUInt32LE(data.length, 16)
  return createHash("md5").update(head).update(data).digest()
}

export interface Rules {
  readonly passwords: Readonly<Record<string, string>>
  readonly tls?: tls.TlsOptions
  /** Of the server, for the bindings. */
  readonly certificate?: Uint8Array
  /** In place of the CHALLENGE. */
  readonly garbled?: (challenge: Buffer) => Buffer
  /** Takes over a connection after so many of its requests. */
  readonly instead?: (peer: Peer, message: number) => boolean
}

/** The scheme is Negotiate where the client says so. */
export const ntlmServer = (rules: Rules) =>
  Effect.gen(function*() {
    const talks = new Map<Peer, Talk>()
    const log: Array<string> = []
    const server = yield* rawServer({
      ...(rules.tls === undefined ? {} : { tls: rules.tls }),
      onRequest: (peer, head) => {
        const known = talks.get(peer)
        const [, scheme = "", token] = /^authorization: (ntlm|negotiate) (\S+)/im.exec(head) ?? []
        const say = (text: string): void => {
          peer.socket.write(text, "latin1")
        }
        const refuse = (why: string, ...challenges: ReadonlyArray<string>): void => {
          log.push(why)
          say(response("no", { status: "401 No", fields: challenges.map((line) => `WWW-Authenticate: ${line}`) }))
        }
        if (known?.user !== undefined) return say(response(known.user))
        if (token === undefined) return refuse("unasked", "NTLM", "Negotiate")
        const message = Buffer.from(token, "base64")
        if (rules.instead?.(peer, message.readUInt32LE(8)) === true) return
        if (message.readUInt32LE(8) === 1) {
          const nonce = randomBytes(8)
          const challenge = challengeOf(nonce)
          talks.set(peer, { negotiate: message, challenge, nonce, user: undefined })
          const sent = rules.garbled?.(challenge) ?? challenge
          return refuse("challenged", `${scheme} ${sent.toString("base64")}`)
        }
        if (known === undefined) return refuse("an answer to nothing", "NTLM", "Negotiate")
        const fault = faultOf(message, known, rules.passwords, bindingTo(rules.certificate))
        if (fault !== undefined) return refuse(fault, "NTLM", "Negotiate")
        log.push("in")
        say(response(known.user ?? ""))
      }
    })
    return { origin: server.origin, log, open: server.open }
  })
