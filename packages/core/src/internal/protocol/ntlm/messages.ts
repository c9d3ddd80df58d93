/** The three messages of NTLM (MS-NLMP 2.2.1), in Unicode, with version 2 of the response (3.3.2) and nothing older. */
import { concat, hmac, uint16, uint32, utf16 } from "./bytes.ts"
import { md4 } from "./md4.ts"

const signature = Uint8Array.of(0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0)

/** Flags (2.2.2.5). */
const UNICODE = 0x00000001
const REQUEST_TARGET = 0x00000004
const NTLM = 0x00000200
const ALWAYS_SIGN = 0x00008000
const EXTENDED_SESSIONSECURITY = 0x00080000
const TARGET_INFO = 0x00800000
const VERSION = 0x02000000
const NEGOTIATE_128 = 0x20000000

// keys are not exchanged: over HTTP nothing is signed or sealed with them
const ours = UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSIONSECURITY | VERSION | NEGOTIATE_128

/** Of Windows 10, revision 15 of NTLM (2.2.2.10). */
const version = Uint8Array.of(10, 0, 0x63, 0x45, 0, 0, 0, 15)

/** Attributes of a target (2.2.2.1). */
const AV_EOL = 0
const AV_FLAGS = 6
const AV_TIMESTAMP = 7
const AV_TARGET_NAME = 9
const AV_CHANNEL_BINDINGS = 10

/** A message integrity code is there. */
const WITH_MIC = 0x2

const fields = (length: number, offset: number): Uint8Array => concat(uint16(length), uint16(length), uint32(offset))

/** NEGOTIATE: says what this side can do, and nothing about who it is. */
export const negotiateMessage = (): Uint8Array =>
  concat(signature, uint32(1), uint32(ours), fields(0, 40), fields(0, 40), version)

/** What of a CHALLENGE is answered. */
export interface ServerChallenge {
  /** As it came: the integrity code covers it. */
  readonly message: Uint8Array
  readonly flags: number
  readonly challenge: Uint8Array
  readonly targetInfo: ReadonlyArray<readonly [id: number, value: Uint8Array]>
}

/** Servers name themselves and a domain, no more. */
const longest = 16 * 1024

const sliceOf = (message: Uint8Array, view: DataView, at: number): Uint8Array | undefined => {
  const length = view.getUint16(at, true)
  const offset = view.getUint32(at + 4, true)
  return offset + length > message.length ? undefined : message.subarray(offset, offset + length)
}

const attributesOf = (info: Uint8Array): ServerChallenge["targetInfo"] | undefined => {
  const view = new DataView(info.buffer, info.byteOffset, info.length)
  const all: Array<readonly [number, Uint8Array]> = []
  for (let at = 0; at + 4 <= info.length;) {
    const id = view.getUint16(at, true)
    const length = view.getUint16(at + 2, true)
    if (id === AV_EOL) return all
    if (at + 4 + length > info.length) return undefined
    all.push([id, info.slice(at + 4, at + 4 + length)])
    at += 4 + length
  }
  return info.length === 0 ? all : undefined
}

/** Reads a CHALLENGE; the text is why it is none. */
export const challengeMessage = (message: Uint8Array): ServerChallenge | string => {
  if (message.length < 48 || message.length > longest) return "it has the wrong length"
  if (signature.some((byte, index) => message[index] !== byte)) return "it does not begin as a message of NTLM"
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  if (view.getUint32(8, true) !== 2) return "it is another message"
  const flags = view.getUint32(20, true)
  if ((flags & UNICODE) === 0) return "the server does not speak Unicode"
  if ((flags & EXTENDED_SESSIONSECURITY) === 0) return "the server does not know version 2 of the response"
  const info = (flags & TARGET_INFO) === 0 ? new Uint8Array(0) : sliceOf(message, view, 40)
  const targetInfo = info === undefined ? undefined : attributesOf(info)
  if (targetInfo === undefined) return "what it says of its target is broken"
  return { message, flags, challenge: message.slice(24, 32), targetInfo }
}

/** What an AUTHENTICATE is made of. */
export interface Answer {
  readonly user: string
  readonly domain: string
  readonly password: string
  /** 8 unpredictable bytes. */
  readonly clientChallenge: Uint8Array
  /** Milliseconds since the epoch. */
  readonly now: number
  /** MD5 of the channel bindings (2.2.2.1); zeros where there is no channel to bind to. */
  readonly channelBindings: Uint8Array
  /** `HTTP/host`. */
  readonly targetName: string
  /** The NEGOTIATE that began the exchange. */
  readonly negotiate: Uint8Array
}

type Md5 = (data: Uint8Array) => Uint8Array

/** The key of a user (3.3.2). */
export const ntowfv2 = (md5: Md5, { domain, password, user }: Pick<Answer, "user" | "domain" | "password">) =>
  hmac(md5, md4(utf16(password)), utf16(user.toUpperCase() + domain))

/** The response of version 2, and the key of the session (3.3.2). */
export const ntlmv2 = (
  md5: Md5,
  key: Uint8Array,
  serverChallenge: Uint8Array,
  clientChallenge: Uint8Array,
  time: Uint8Array,
  targetInfo: Uint8Array
): { readonly nt: Uint8Array; readonly lm: Uint8Array; readonly sessionKey: Uint8Array } => {
  const temp = concat(
    Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0),
    time,
    clientChallenge,
    uint32(0),
    targetInfo,
    uint32(0)
  )
  const proof = hmac(md5, key, serverChallenge, temp)
  return {
    nt: concat(proof, temp),
    lm: concat(hmac(md5, key, serverChallenge, clientChallenge), clientChallenge),
    sessionKey: hmac(md5, key, proof)
  }
}

/** 100 nanoseconds since 1601. */
const fileTime = (milliseconds: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, (BigInt(Math.trunc(milliseconds)) + 11644473600000n) * 10000n, true)
  return new Uint8Array(view.buffer)
}

const attribute = (id: number, value: Uint8Array): Uint8Array => concat(uint16(id), uint16(value.length), value)

/** AUTHENTICATE (3.1.5.1.2): the response, and a code over all three messages. */
export const authenticateMessage = (md5: Md5, server: ServerChallenge, answer: Answer): Uint8Array => {
  const given = server.targetInfo.filter(([id]) =>
    id !== AV_FLAGS && id !== AV_TARGET_NAME && id !== AV_CHANNEL_BINDINGS
  )
  const timestamp = given.find(([id, value]) => id === AV_TIMESTAMP && value.length === 8)?.[1]
  const flagsBefore = server.targetInfo.find(([id, value]) => id === AV_FLAGS && value.length === 4)?.[1]
  const targetInfo = concat(
    ...given.map(([id, value]) => attribute(id, value)),
    attribute(AV_FLAGS, uint32((flagsBefore?.[0] ?? 0) | WITH_MIC)),
    attribute(AV_CHANNEL_BINDINGS, answer.channelBindings),
    attribute(AV_TARGET_NAME, utf16(answer.targetName)),
    attribute(AV_EOL, new Uint8Array(0))
  )
  const key = ntowfv2(md5, answer)
  const time = timestamp ?? fileTime(answer.now)
  const made = ntlmv2(md5, key, server.challenge, answer.clientChallenge, time, targetInfo)
  // a server that tells the time wants no older response beside it
  const lm = timestamp === undefined ? made.lm : new Uint8Array(24)
  const payload = [lm, made.nt, utf16(answer.domain), utf16(answer.user), new Uint8Array(0), new Uint8Array(0)]
  const head = 88
  let offset = head
  const places = payload.map((part) => {
    const place = fields(part.length, offset)
    offset += part.length
    return place
  })
  const flags = (ours & server.flags) | UNICODE | NTLM | EXTENDED_SESSIONSECURITY | VERSION
  const message = (mic: Uint8Array) => concat(signature, uint32(3), ...places, uint32(flags), version, mic, ...payload)
  const mic = hmac(md5, made.sessionKey, answer.negotiate, server.message, message(new Uint8Array(16)))
  return message(mic)
}
