import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { fieldsOf } from "../../src/internal/x509/fields.ts"
import { ocspStatement } from "../../src/internal/x509/ocsp.ts"
import { listsOf, listStatement, revocationListOf } from "../../src/internal/x509/revocationList.ts"
import { type Made, make, ocsp, type OcspRecipe, pem, purposes, revocationList } from "../support/certificates.ts"

const day = 86_400_000

const world = (async () => {
  const root = await make({ commonName: "Authority", authority: true })
  return {
    root,
    stranger: await make({ commonName: "Stranger", authority: true }),
    leaf: await make({ names: ["a.test"], authority: false }, root),
    other: await make({ names: ["b.test"], authority: false }, root)
  }
})()

const fields = (made: Made) => {
  const read = fieldsOf(made.der)
  if (read === undefined) throw new Error("a certificate of ours cannot be read")
  return read
}

const says = async (recipe: Omit<OcspRecipe, "of" | "issuer">, about?: "other") => {
  const { leaf, other, root } = await world
  const response = await ocsp({ of: leaf, issuer: root, ...recipe })
  return ocspStatement(response, fields(about === "other" ? other : leaf), fields(root))
}

describe("what an OCSP response says (RFC 6960)", () => {
  for (const [status, expected] of [["good", "Good"], ["revoked", "Revoked"], ["unknown", "Unknown"]] as const) {
    it(`${status}, signed by the issuer`, async () => {
      const said = await says({ status })
      assert.strictEqual(said?.status, expected)
      assert.strictEqual(said?.revokedAt === undefined, status !== "revoked")
      assert.isBelow(said?.from ?? Infinity, Date.now())
      assert.isAbove(said?.until ?? 0, Date.now() + 2 * day)
    })
  }

  it("signed by a responder that the issuer has named, as long as that one is valid", async () => {
    const { root } = await world
    const responder = await make({ commonName: "D", authority: false, purposes: [purposes.ocsp], to: 1 }, root)
    const said = await says({ status: "good", responder })
    assert.strictEqual(said?.status, "Good")
    assert.isBelow(said?.until ?? Infinity, Date.now() + 1.5 * day)
  })

  it("nothing, where a certificate of the issuer that is for servers has signed it", async () => {
    const { root } = await world
    assert.isUndefined(
      await says({ status: "good", responder: await make({ commonName: "S", authority: false }, root) })
    )
  })

  it("nothing, where a responder of somebody else has signed it", async () => {
    const { stranger } = await world
    const responder = await make({ commonName: "D", authority: false, purposes: [purposes.ocsp] }, stranger)
    assert.isUndefined(await says({ status: "good", responder }))
    assert.isUndefined(await says({ status: "revoked", responder: stranger }))
  })

  it("nothing about another certificate, and nothing with another signature", async () => {
    assert.isUndefined(await says({ status: "good" }, "other"))
    assert.isUndefined(await says({ status: "good", forged: true }))
  })

  it("nothing but the truth once a byte of it is changed, and throws nothing", async () => {
    const { leaf, root } = await world
    const whole = await ocsp({ of: leaf, issuer: root, status: "revoked" })
    const [certificate, issuer] = [fields(leaf), fields(root)]
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const changed = Uint8Array.from(whole)
        changed[at] = (changed[at] ?? 0) ^ flip
        assert.notStrictEqual(ocspStatement(changed, certificate, issuer)?.status, "Good")
      }
      assert.isUndefined(ocspStatement(whole.subarray(0, at), certificate, issuer))
    }
  })
})

describe("what a revocation list says (RFC 5280 5)", () => {
  it("revoked of whom it names, good of the others of its issuer, nothing of anybody else's", async () => {
    const { leaf, other, root, stranger } = await world
    const list = revocationListOf(await revocationList(root, [leaf]))
    if (list === undefined) return assert.fail("unreadable")
    assert.strictEqual(listStatement(list, fields(leaf), fields(root))?.status, "Revoked")
    assert.strictEqual(listStatement(list, fields(other), fields(root))?.status, "Good")
    const theirs = await make({ names: ["c.test"], authority: false }, stranger)
    assert.isUndefined(listStatement(list, fields(theirs), fields(stranger)))
  })

  it("an empty list says good", async () => {
    const { leaf, root } = await world
    const list = revocationListOf(await revocationList(root, []))
    assert.strictEqual(list === undefined ? "" : listStatement(list, fields(leaf), fields(root))?.status, "Good")
  })

  it("nothing, where somebody else has signed it in the name of the issuer", async () => {
    const { leaf, root, stranger } = await world
    const list = revocationListOf(await revocationList(root, [leaf], { signer: stranger }))
    if (list === undefined) return assert.fail("unreadable")
    assert.isUndefined(listStatement(list, fields(leaf), fields(root)))
  })

  it("nothing, where its issuer may not sign lists", async () => {
    const issuer = await make({ commonName: "No lists", authority: true, usage: 0x04 })
    const leaf = await make({ names: ["a.test"], authority: false }, issuer)
    const list = revocationListOf(await revocationList(issuer, [leaf]))
    if (list === undefined) return assert.fail("unreadable")
    assert.isUndefined(listStatement(list, fields(leaf), fields(issuer)))
  })

  it("is read as PEM and as DER, several at once, and not at all where one is broken", async () => {
    const { leaf, root } = await world
    const der = await revocationList(root, [leaf])
    const text = pem("X509 CRL", der)
    assert.strictEqual(listsOf([der, text, text + text, Buffer.from(text)])?.length, 5)
    assert.isUndefined(listsOf([der, "no list"]))
    assert.isUndefined(listsOf([der.subarray(0, der.length - 1)]))
    assert.deepStrictEqual(listsOf([]), [])
  })

  it("a list that is changed anywhere makes nobody good whom it names", async () => {
    const { leaf, root } = await world
    const whole = await revocationList(root, [leaf])
    const [certificate, issuer] = [fields(leaf), fields(root)]
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const changed = Uint8Array.from(whole)
        changed[at] = (changed[at] ?? 0) ^ flip
        const list = revocationListOf(changed)
        if (list !== undefined) assert.notStrictEqual(listStatement(list, certificate, issuer)?.status, "Good")
      }
    }
  })
})

describe("garbage", () => {
  const bytes = FastCheck.uint8Array({ maxLength: 300 })

  it.prop("says nothing and throws nothing", [bytes], ([garbage]) => {
    assert.isUndefined(revocationListOf(garbage))
    assert.isUndefined(fieldsOf(garbage))
  })

  it("a certificate that is changed anywhere throws nothing", async () => {
    const { leaf } = await world
    for (let at = 0; at < leaf.der.length; at++) {
      const changed = Uint8Array.from(leaf.der)
      changed[at] = (changed[at] ?? 0) ^ 0xff
      fieldsOf(changed)
      assert.isUndefined(fieldsOf(leaf.der.subarray(0, at)))
    }
  })
})
