import { assert, describe, it } from "@effect/vitest"
import { X509Certificate } from "node:crypto"
import { makeAuthority, selfSigned } from "./pki.ts"

describe("certificates made at run time", () => {
  it("verify against their authority, through an intermediate too", async () => {
    const root = await makeAuthority()
    const leaf = await root.issue({ names: ["localhost", "127.0.0.1", "::1"] })
    const certificate = new X509Certificate(leaf.cert)
    const authority = new X509Certificate(root.cert)
    assert.isTrue(certificate.checkIssued(authority) && certificate.verify(authority.publicKey))
    assert.isTrue(authority.ca)
    assert.strictEqual(certificate.checkHost("localhost"), "localhost")
    assert.strictEqual(certificate.checkIP("127.0.0.1"), "127.0.0.1")
    assert.isDefined(certificate.checkIP("::1"))
    const intermediate = await root.intermediate()
    const below = await intermediate.issue({ names: ["localhost"] })
    assert.isTrue(new X509Certificate(below.cert).verify(new X509Certificate(intermediate.cert).publicKey))
    assert.strictEqual(below.chain, below.cert + intermediate.cert)
    const own = new X509Certificate((await selfSigned({ names: ["localhost"] })).cert)
    assert.strictEqual(own.subject, own.issuer)
    assert.isTrue(own.verify(own.publicKey))
  })
})
