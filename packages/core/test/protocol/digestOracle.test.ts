// Digest answers against a second computation that shares nothing with ours: Node's hashes over strings, the formulas of the
// RFC written down, and the values taken back out of the field by a reader of its own.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import { DigestUser } from "../../src/internal/protocol/digestUser.ts"
import { algorithms, hash, must, request } from "./digestSupport.ts"

/** Takes `Digest a="b", c=d` apart, one character after the other. */
const fieldsOf = (value: string): Map<string, { readonly text: string; readonly quoted: boolean }> => {
  const found = new Map<string, { text: string; quoted: boolean }>()
  let at = "Digest ".length
  while (at < value.length) {
    const equals = value.indexOf("=", at)
    const name = value.slice(at, equals)
    let text = ""
    const quoted = value[equals + 1] === "\""
    at = equals + (quoted ? 2 : 1)
    while (at < value.length && value[at] !== (quoted ? "\"" : ",")) {
      if (quoted && value[at] === "\\") at++
      text += value[at++]
    }
    if (quoted) at++
    if (found.has(name)) throw new Error(`${name} is there twice`)
    found.set(name, { text, quoted })
    if (at < value.length && value.slice(at, at + 2) !== ", ") throw new Error(`"${value.slice(at)}" follows ${name}`)
    at += 2
  }
  return found
}

const printable = FastCheck.string({ maxLength: 20 })
const bytes = FastCheck.array(
  FastCheck.oneof(FastCheck.integer({ min: 32, max: 126 }), FastCheck.integer({ min: 128, max: 255 })),
  {
    maxLength: 20
  }
).map((codes) => String.fromCharCode(...codes))
const unicode = FastCheck.array(
  FastCheck.constantFrom("a", "Z", " ", "\"", "\\", ",", "=", "é", "ø", "e\u0301", "€", "日", "😀"),
  {
    maxLength: 12
  }
).map((parts) => parts.join(""))

const cases = FastCheck.record({
  algorithm: FastCheck.constantFrom(...algorithms),
  realm: bytes,
  nonce: bytes,
  opaque: FastCheck.option(bytes, { nil: undefined }),
  qop: FastCheck.constantFrom(undefined, "auth" as const, "auth-int" as const),
  charset: FastCheck.boolean(),
  userhash: FastCheck.boolean(),
  user: unicode,
  password: unicode,
  method: FastCheck.constantFrom("GET", "POST", "PROPFIND", "x-method"),
  uri: FastCheck.webPath({ size: "small" }).map((path) => `/${path}?q="\\`),
  nc: FastCheck.integer({ min: 1, max: 0xffffffff }),
  cnonce: printable.map((text) => text.replace(/[^\x20-\x7e]/g, "")),
  prime: FastCheck.option(FastCheck.record({ nonce: bytes, cnonce: printable }), { nil: undefined }),
  body: FastCheck.string({ maxLength: 30 })
})

describe("Digest against an independent computation", () => {
  it.prop("every parameter and the response are what RFC 7616 3.4 says (TRU-05)", [cases], ([one]) => {
    const [name, hashName] = one.algorithm
    const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`
    const challenge = must(
      [
        `Digest realm=${quote(one.realm)}`,
        `nonce=${quote(one.nonce)}`,
        `algorithm=${name}`,
        ...(one.opaque === undefined ? [] : [`opaque=${quote(one.opaque)}`]),
        ...(one.qop === undefined ? [] : [`qop="${one.qop}"`]),
        ...(one.charset ? ["charset=UTF-8"] : []),
        ...(one.userhash ? ["userhash=true"] : [])
      ].join(", ")
    )

    const digest = (...parts: ReadonlyArray<string | Buffer>): string => {
      const sum = createHash(hashName)
      parts.forEach((part, index) => {
        if (index > 0) sum.update(":")
        sum.update(typeof part === "string" ? Buffer.from(part, "latin1") : part)
      })
      return sum.digest("hex")
    }
    const secretBytes = (text: string): Buffer => Buffer.from(text.normalize("NFC"))
    const bodyHash = digest(Buffer.from(one.body))
    const made = DigestUser.of(challenge, one.user, one.password, hash)
    const value = made?.authorization(
      request(challenge, {
        method: one.method,
        uri: one.uri,
        nc: one.nc,
        cnonce: one.cnonce,
        prime: one.prime,
        bodyHash
      })
    )
    assert.isDefined(value)
    if (value === undefined) return
    const fields = fieldsOf(value)
    const text = (field: string) => fields.get(field)?.text

    let a1 = digest(secretBytes(one.user), one.realm, secretBytes(one.password))
    if (name.endsWith("-sess")) a1 = digest(a1, one.prime?.nonce ?? one.nonce, one.prime?.cnonce ?? one.cnonce)
    const nc = `0000000${one.nc.toString(16)}`.slice(-8)
    const a2 = one.qop === "auth-int" ? digest(one.method, one.uri, bodyHash) : digest(one.method, one.uri)
    assert.strictEqual(
      text("response"),
      one.qop === undefined ? digest(a1, one.nonce, a2) : digest(a1, one.nonce, nc, one.cnonce, one.qop, a2)
    )
    assert.strictEqual(text("realm"), one.realm)
    assert.strictEqual(text("nonce"), one.nonce)
    assert.strictEqual(text("opaque"), one.opaque)
    assert.strictEqual(text("uri"), one.uri)
    assert.strictEqual(text("algorithm"), name)
    assert.strictEqual(text("qop"), one.qop)
    assert.strictEqual(text("nc"), one.qop === undefined ? undefined : nc)
    assert.strictEqual(
      text("cnonce"),
      one.qop === undefined && !name.endsWith("-sess") ? undefined : one.cnonce
    )
    assert.strictEqual(text("userhash"), one.userhash ? "true" : undefined)
    for (const [field, { quoted }] of fields) {
      assert.strictEqual(quoted, !["algorithm", "nc", "qop", "userhash", "username*"].includes(field), field)
    }
    const starred = text("username*")
    if (one.userhash) {
      assert.strictEqual(text("username"), digest(secretBytes(one.user), one.realm))
      assert.isUndefined(starred)
    } else if (starred !== undefined) {
      assert.match(starred, /^UTF-8''[\w!#$&+.^`|~%-]*$/)
      assert.strictEqual(decodeURIComponent(starred.slice(7)), one.user.normalize("NFC"))
      assert.isUndefined(text("username"))
    } else {
      assert.strictEqual(Buffer.from(text("username") ?? "", "latin1").toString(), one.user.normalize("NFC"))
    }
  })
})
