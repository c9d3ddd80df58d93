// NTLM: MD4 against RFC 1320, version 2 of the response against MS-NLMP 4.2.4, and messages that nobody honest sends.
import { assert, describe, it } from "@effect/vitest"
import * as Credential from "@urlsession/core/Credential"
import * as Ntlm from "@urlsession/core/Ntlm"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { createHash, createHmac } from "node:crypto"
import { concat, fromHex, hmac, uint16, utf16 } from "../../src/internal/protocol/ntlm/bytes.ts"
import { channelBindings } from "../../src/internal/protocol/ntlm/channelBinding.ts"
import { md4 } from "../../src/internal/protocol/ntlm/md4.ts"
import {
  authenticateMessage,
  challengeMessage,
  negotiateMessage,
  ntlmv2,
  ntowfv2
} from "../../src/internal/protocol/ntlm/messages.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const md5 = (data: Uint8Array): Uint8Array => createHash("md5").update(data).digest()
const sha256 = (data: Uint8Array): Uint8Array => createHash("sha256").update(data).digest()

describe("MD4 (RFC 1320 A.5)", () => {
  const vectors: ReadonlyArray<readonly [string, string]> = [
    ["", "31d6cfe0d16ae931b73c59d7e0c089c0"],
    ["a", "bde52cb31de33e46245e05fbdbd6fb24"],
    ["abc", "a448017aaf21d8525fc10ae87aa6729d"],
    ["message digest", "d9130a8164549fe818874806e1c7014b"],
    ["abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"],
    ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"],
    [
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "e33b4ddc9c38f2199c3e7b164fcc0536"
    ]
  ]
  for (const [text, expected] of vectors) {
    it(JSON.stringify(text.slice(0, 20)), () => assert.strictEqual(hex(md4(ascii(text))), expected))
  }
})

it.prop(
  "HMAC-MD5 is what Node's is",
  [FastCheck.uint8Array({ maxLength: 200 }), FastCheck.uint8Array()],
  ([key, data]) => {
    assert.strictEqual(hex(hmac(md5, key, data)), createHmac("md5", key).update(data).digest("hex"))
  }
)

const user = { user: "User", domain: "Domain", password: "Password" }
const serverChallenge = fromHex("0123456789abcdef")
const clientChallenge = fromHex("aaaaaaaaaaaaaaaa")
const av = (id: number, value: Uint8Array): Uint8Array => concat(uint16(id), uint16(value.length), value)
const targetInfo = concat(av(2, utf16("Domain")), av(1, utf16("Server")), av(0, new Uint8Array(0)))

describe("version 2 of the response (MS-NLMP 4.2.4)", () => {
  const key = ntowfv2(md5, user)
  const made = ntlmv2(md5, key, serverChallenge, clientChallenge, new Uint8Array(8), targetInfo)

  it("NTOWFv2 (4.2.4.1.1)", () => assert.strictEqual(hex(key), "0c868a403bfd7a93a3001ef22ef02e3f"))
  it("the key of the session (4.2.4.1.2)", () =>
    assert.strictEqual(hex(made.sessionKey), "8de40ccadbc14a82f15cb0ad0de95ca3"))
  it("the response of LMv2 (4.2.4.2.1)", () =>
    assert.strictEqual(hex(made.lm), "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"))
  it("the response of NTLMv2 (4.2.4.2.2)", () =>
    assert.strictEqual(hex(made.nt.subarray(0, 16)), "68cd0ab851e51c96aabc927bebef6a1c"))
})

/** The CHALLENGE of MS-NLMP 4.2.4.3. */
const challenge = fromHex(
  "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000" +
    "060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c005300650072007600" +
    "6500720000000000"
)

const read = (message: Uint8Array) => {
  const server = challengeMessage(message)
  if (typeof server === "string") throw new Error(server)
  return server
}

const partOf = (message: Uint8Array, at: number): Uint8Array => {
  const view = new DataView(message.buffer, message.byteOffset)
  const offset = view.getUint32(at + 4, true)
  return message.subarray(offset, offset + view.getUint16(at, true))
}

const answer = {
  ...user,
  clientChallenge,
  now: Date.UTC(2026, 0, 1),
  channelBindings: new Uint8Array(16).fill(7),
  targetName: "HTTP/server.example",
  negotiate: negotiateMessage()
}

describe("the messages", () => {
  it("the challenge of MS-NLMP 4.2.4.3 is read", () => {
    const server = read(challenge)
    assert.strictEqual(hex(server.challenge), "0123456789abcdef")
    assert.deepStrictEqual(server.targetInfo.map(([id, value]) => `${id} ${Buffer.from(value).toString("utf16le")}`), [
      "2 Domain",
      "1 Server"
    ])
  })

  it("the first has a version and no name", () => {
    const message = negotiateMessage()
    assert.strictEqual(message.length, 40)
    assert.strictEqual(hex(message.subarray(0, 12)), "4e544c4d5353500001000000")
    assert.strictEqual(message[39], 15)
  })

  it("the last has the names, a proof over what it says, and a code over all three", () => {
    const message = authenticateMessage(md5, read(challenge), answer)
    assert.strictEqual(Buffer.from(partOf(message, 28)).toString("utf16le"), "Domain")
    assert.strictEqual(Buffer.from(partOf(message, 36)).toString("utf16le"), "User")
    const nt = partOf(message, 20)
    const key = ntowfv2(md5, user)
    const proof = hmac(md5, key, serverChallenge, nt.subarray(16))
    assert.strictEqual(hex(nt.subarray(0, 16)), hex(proof))
    const info = hex(nt.subarray(16 + 28))
    // flags that say so, the bindings, and whom it was meant for
    assert.include(info, "0600040002000000")
    assert.include(info, `0a001000${"07".repeat(16)}`)
    assert.include(info, hex(utf16("HTTP/server.example")))
    const without = Uint8Array.from(message)
    without.fill(0, 72, 88)
    const sessionKey = hmac(md5, key, proof)
    assert.strictEqual(hex(message.subarray(72, 88)), hex(hmac(md5, sessionKey, answer.negotiate, challenge, without)))
  })

  it("the time of a server that tells it is taken, and the older response left out", () => {
    const stamp = fromHex("0011223344556677")
    const info = concat(av(7, stamp), av(0, new Uint8Array(0)))
    const told = concat(challenge.subarray(0, 40), uint16(info.length), uint16(info.length), fromHex("30000000"), info)
    const message = authenticateMessage(md5, read(told), answer)
    assert.strictEqual(hex(partOf(message, 12)), "00".repeat(24))
    assert.include(hex(partOf(message, 20)), `01010000000000000011223344556677${hex(clientChallenge)}`)
  })

  it.prop("anything at all is read or refused with a reason, and never thrown", [
    FastCheck.uint8Array({ maxLength: 200 })
  ], ([bytes]) => {
    const result = challengeMessage(bytes)
    assert.isTrue(typeof result === "string" || result.challenge.length === 8)
  })

  it.prop(
    "a challenge with any bytes changed is read or refused",
    [FastCheck.array(FastCheck.tuple(FastCheck.nat(challenge.length - 1), FastCheck.nat(255)), { maxLength: 6 })],
    ([changes]) => {
      const bytes = Uint8Array.from(challenge)
      for (const [at, value] of changes) bytes[at] = value
      const result = challengeMessage(bytes)
      if (typeof result !== "string") authenticateMessage(md5, result, answer)
    },
    { fastCheck: { numRuns: 2000 } }
  )

  it("are cut at no place without a reason", () => {
    for (let length = 0; length < challenge.length - 4; length++) {
      assert.isString(challengeMessage(challenge.subarray(0, length)), String(length))
    }
  })
})

describe("channel bindings (RFC 5929 4)", () => {
  const hash = (name: string, data: Uint8Array): Uint8Array => createHash(name).update(data).digest()

  it("are zeros without a certificate, for one that is none, and for a signature that names no one hash", () => {
    assert.strictEqual(hex(channelBindings(undefined, hash)), "00".repeat(16))
    assert.strictEqual(hex(channelBindings(Uint8Array.of(1, 2, 3), hash)), "00".repeat(16))
    const ed25519 = fromHex(`300e${"3000"}300506032b6570${"030300ffff"}`)
    assert.strictEqual(hex(channelBindings(ed25519, hash)), "00".repeat(16))
  })

  for (
    const [name, length, identifier] of [
      ["sha256", "0a", "06082a8648ce3d040302"],
      ["sha384", "0a", "06082a8648ce3d040303"],
      ["sha512", "0a", "06082a8648ce3d040304"],
      ["sha384", "0b", "06092a864886f70d01010c"],
      ["sha512", "0b", "06092a864886f70d01010d"],
      // SHA-1 and MD5 are replaced
      ["sha256", "0b", "06092a864886f70d010105"],
      ["sha256", "0b", "06092a864886f70d010104"]
    ] as const
  ) {
    it(`are the MD5 of the structure with the ${name} of the certificate (${identifier})`, () => {
      const inner = `${"3000"}30${length}${identifier}${"030300ffff"}`
      const certificate = fromHex(`30${(inner.length / 2).toString(16).padStart(2, "0")}${inner}`)
      const data = concat(ascii("tls-server-end-point:"), hash(name, certificate))
      const expected = md5(concat(new Uint8Array(16), Uint8Array.of(data.length, 0, 0, 0), data))
      assert.strictEqual(hex(channelBindings(certificate, hash)), hex(expected))
    })
  }
})

describe("the exchange", () => {
  const parts = {
    digests: {
      md5: (data: Uint8Array) => hex(md5(data)),
      sha256: (data: Uint8Array) => hex(sha256(data)),
      sha512256: () => "",
      hasher: () => ({ update: () => {}, digest: () => "" }),
      randomHex: (bytes: number) => "ab".repeat(bytes)
    },
    now: () => 0
  }

  it.effect("splits a domain off, and leaves a name with a domain behind it whole", () =>
    Effect.gen(function*() {
      for (
        const [name, domain, own] of [["D\\u", "D", "u"], ["u@d.example", "", "u@d.example"], ["u", "", "u"]] as const
      ) {
        const messages = Ntlm.messages(parts, Credential.password({ user: name, password: "secret-of-ntlm" }), "h")
        yield* messages.challenge(challenge)
        const message = yield* messages.authenticate({ method: "GET", target: "/", connection: undefined })
        assert.strictEqual(Buffer.from(partOf(message, 28)).toString("utf16le"), domain)
        assert.strictEqual(Buffer.from(partOf(message, 36)).toString("utf16le"), own)
      }
    }))

  it.effect("is Malformed where there was no challenge", () =>
    Effect.gen(function*() {
      const messages = Ntlm.messages(parts, Credential.password({ user: "u", password: "secret-of-ntlm" }), "h")
      const error = yield* Effect.flip(messages.authenticate({ method: "GET", target: "/", connection: undefined }))
      assert.strictEqual(error.reason, "Malformed")
    }))
})
