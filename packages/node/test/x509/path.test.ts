import { assert, describe, it } from "@effect/vitest"
import { type Fields, fieldsOf } from "../../src/internal/x509/fields.ts"
import { validated } from "../../src/internal/x509/path.ts"
import { type Made, make, purposes, type Recipe } from "../support/certificates.ts"

const day = 86_400_000

const world = (async () => {
  const root = await make({ commonName: "Root", authority: true })
  return { root, between: await make({ commonName: "Between", authority: true }, root) }
})()

const rootsOf = (...roots: ReadonlyArray<Made>) => {
  const fields = roots.map((one) => fieldsOf(one.der)).filter((one) => one !== undefined)
  return (): ReadonlyArray<Fields> => fields
}

const faultOf = (
  chain: ReadonlyArray<Made>,
  roots: ReadonlyArray<Made>,
  at: number | undefined = Date.now()
): string => {
  const result = validated(chain.map((one) => one.der), rootsOf(...roots), at)
  return result.valid ? "valid" : result.fault
}

const leaf = (recipe: Recipe = {}): Recipe => ({ names: ["a.example.test"], authority: false, ...recipe })

describe("path validation (RFC 5280 6.1)", () => {
  const below: ReadonlyArray<readonly [name: string, authority: Recipe, leaf: Recipe, expected: string]> = [
    ["nothing wrong", {}, {}, "valid"],
    ["a permitted name", { permitted: ["example.test"] }, {}, "valid"],
    ["a permitted name itself", { permitted: ["a.example.test"] }, {}, "valid"],
    ["a permitted name in other case", { permitted: ["EXAMPLE.test"] }, {}, "valid"],
    ["a name that only ends like a permitted one", { permitted: ["ample.test"] }, {}, "InvalidChain"],
    ["a dot before a permitted name: only what is below it", { permitted: [".a.example.test"] }, {}, "InvalidChain"],
    ["one permitted of two", { permitted: ["example.test"] }, { names: ["a.example.test", "b.test"] }, "InvalidChain"],
    ["a wildcard within what is permitted", { permitted: ["example.test"] }, { names: ["*.example.test"] }, "valid"],
    [
      "a wildcard beyond what is permitted",
      { permitted: ["a.example.test"] },
      { names: ["*.example.test"] },
      "InvalidChain"
    ],
    ["an excluded name", { excluded: ["example.test"] }, {}, "InvalidChain"],
    ["another excluded name", { excluded: ["b.example.test"] }, {}, "valid"],
    [
      "a wildcard over an excluded name",
      { excluded: ["b.example.test"] },
      { names: ["*.example.test"] },
      "InvalidChain"
    ],
    ["permitted and excluded", { permitted: ["example.test"], excluded: ["a.example.test"] }, {}, "InvalidChain"],
    [
      "names are constrained, and there are only addresses",
      { permitted: ["example.test"] },
      { names: ["10.0.0.1"] },
      "valid"
    ],
    ["a permitted IPv4 address", { permitted: ["10.0.0.0/255.0.0.0"] }, { names: ["10.1.2.3"] }, "valid"],
    ["another IPv4 address", { permitted: ["10.0.0.0/255.0.0.0"] }, { names: ["11.1.2.3"] }, "InvalidChain"],
    ["a permitted IPv6 address", { permitted: ["fd00::0/ff00::0"] }, { names: ["fd12::1"] }, "valid"],
    [
      "an IPv6 address under a constraint of IPv4",
      { permitted: ["10.0.0.0/255.0.0.0"] },
      { names: ["fd12::1"] },
      "InvalidChain"
    ],
    ["no authority", { authority: false, usage: 0x86, purposes: [] }, {}, "InvalidChain"],
    ["an authority that may not sign", { usage: 0x02 }, {}, "InvalidChain"],
    ["an authority for clients", { purposes: [purposes.client] }, {}, "WrongUsage"],
    ["an authority for servers", { purposes: [purposes.server] }, {}, "valid"],
    ["a leaf for clients", {}, { purposes: [purposes.client] }, "WrongUsage"],
    ["a leaf for anything", {}, { purposes: ["2.5.29.37.0"] }, "valid"],
    ["a leaf that is an authority", {}, { authority: true, usage: 0x86 }, "WrongUsage"],
    ["a leaf whose key signs certificates only", {}, { usage: 0x06 }, "WrongUsage"],
    ["an unknown critical extension of the leaf", {}, { critical: "1.3.6.1.4.1.99999.1" }, "InvalidChain"],
    ["an unknown critical extension of the authority", { critical: "1.3.6.1.4.1.99999.1" }, {}, "InvalidChain"],
    ["an expired leaf", {}, { from: -20, to: -10 }, "Expired"],
    ["an expired authority", { from: -20, to: -10 }, {}, "Expired"],
    ["an authority of tomorrow", { from: 1, to: 9 }, {}, "NotYetValid"]
  ]
  for (const [name, authority, recipe, expected] of below) {
    it(`${name} -> ${expected}`, async () => {
      const { root } = await world
      const between = await make({ commonName: "B", authority: true, ...authority }, root)
      assert.strictEqual(faultOf([await make(leaf(recipe), between), between], [root]), expected)
    })
  }

  it("the depth that an authority allows, its own name again not counted", async () => {
    const { root } = await world
    const one = await make({ commonName: "One", authority: true, pathLength: 1 }, root)
    const two = await make({ commonName: "Two", authority: true }, one)
    const three = await make({ commonName: "Three", authority: true }, two)
    const again = await make({ commonName: "One", authority: true }, one)
    assert.strictEqual(faultOf([await make(leaf(), two), two, one], [root]), "valid")
    assert.strictEqual(faultOf([await make(leaf(), three), three, two, one], [root]), "InvalidChain")
    const rolled = await make({ commonName: "Two", authority: true }, again)
    assert.strictEqual(faultOf([await make(leaf(), rolled), rolled, again, one], [root]), "valid")
  })

  it("the order of what is sent does not matter, and what is not needed does no harm", async () => {
    const { between, root } = await world
    const other = await make({ commonName: "Other", authority: true })
    const end = await make(leaf(), between)
    assert.strictEqual(faultOf([end, other, root, between], [root]), "valid")
    assert.strictEqual(faultOf([end], [root]), "UnknownRoot")
    assert.strictEqual(faultOf([end, between], [other]), "UnknownRoot")
    assert.strictEqual(faultOf([end, between], []), "UnknownRoot")
    assert.strictEqual(faultOf([], [root]), "Untrusted")
  })

  it("another way to a root is found where the first is not valid", async () => {
    const { root } = await world
    const key = await make({ commonName: "Cross", authority: true }, root)
    const old = await make({ commonName: "Old root", authority: true })
    const expired = await make({ commonName: "Cross", authority: true, from: -20, to: -10, keys: key.keys }, old)
    const end = await make(leaf(), key)
    assert.strictEqual(faultOf([end, expired, key], [old, root]), "valid")
    assert.strictEqual(faultOf([end, expired], [old, root]), "Expired")
  })

  it("an authority of the same name and another key signs nothing, nor does SHA-1", async () => {
    const { root } = await world
    const impostor = await make({ commonName: "Root", authority: true })
    assert.strictEqual(faultOf([await make(leaf(), impostor)], [root]), "UnknownRoot")
    const rsa = await make({ commonName: "RSA", authority: true, key: "RSA-2048" })
    assert.strictEqual(faultOf([await make(leaf({ hash: "SHA-1" }), rsa)], [rsa]), "UnknownRoot")
    assert.strictEqual(faultOf([await make(leaf(), rsa)], [rsa]), "valid")
  })

  it("authorities that sign each other end the search", async () => {
    const { root } = await world
    const one = await make({ commonName: "One", authority: true })
    const two = await make({ commonName: "Two", authority: true })
    const crossed = [
      await make({ commonName: "One", authority: true, keys: one.keys }, two),
      await make({ commonName: "Two", authority: true, keys: two.keys }, one)
    ]
    assert.strictEqual(faultOf([await make(leaf(), one), ...crossed], [root]), "UnknownRoot")
  })

  it("a leaf that is itself a root is trusted, at its time", async () => {
    const own = await make(leaf())
    assert.strictEqual(faultOf([own], [own]), "valid")
    assert.strictEqual(faultOf([own], [own], Date.now() + 40 * day), "Expired")
    assert.strictEqual(faultOf([own], [own], undefined), "valid")
    assert.strictEqual(faultOf([own], []), "UnknownRoot")
  })
})
