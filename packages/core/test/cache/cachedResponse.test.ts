import { assert, describe, it } from "@effect/vitest"
import * as CachedResponse from "@urlsession/core/CachedResponse"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as ResponseHead from "@urlsession/core/ResponseHead"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"

const head = (status: number, url = "https://a.test/x?signature=secret") =>
  new ResponseHead.ResponseHead({ url, status, headers: new HeaderFields(["set-cookie", "sid=secret"]) })
const bytes = (text: string) => new TextEncoder().encode(text)

type Fields = ConstructorParameters<typeof CachedResponse.CachedResponse>[0]

const make = (fields: Partial<Fields> = {}) =>
  new CachedResponse.CachedResponse({ response: head(200), data: bytes("data"), ...fields })

describe("a cached response", () => {
  it("has no notes and may be kept anywhere unless said (TestCachedURLResponse/test_initDefaultUserInfoAndStoragePolicy)", () => {
    assert.strictEqual(make().userInfo, undefined)
    assert.strictEqual(make().storagePolicy, "allowed")
  })
  it("has no notes where only the policy is said (TestCachedURLResponse/test_initDefaultUserInfo)", () => {
    const one = make({ storagePolicy: "notAllowed" })
    assert.strictEqual(one.userInfo, undefined)
    assert.strictEqual(one.storagePolicy, "notAllowed")
  })
  it("gives back what it was made of (CAC-06, TestCachedURLResponse/test_initWithoutDefaults)", () => {
    const fields = {
      response: head(404),
      data: bytes("x"),
      userInfo: { a: 1 },
      storagePolicy: "allowedInMemoryOnly"
    } as const
    assert.deepInclude(new CachedResponse.CachedResponse(fields), fields)
  })
  it("made of another one is equal to it (TestCachedURLResponse/test_copy)", () => {
    const one = make({ userInfo: { a: 1, b: "x" }, storagePolicy: "notAllowed" })
    assert.isTrue(Equal.equals(one, new CachedResponse.CachedResponse({ ...one, data: one.data.slice() })))
  })
  it("is equal to itself (TestCachedURLResponse/test_equalWithTheSameInstance)", () => {
    const one = make()
    assert.isTrue(Equal.equals(one, one))
  })
  it("is not equal to anything else (TestCachedURLResponse/test_equalWithUnrelatedObject)", () =>
    assert.isFalse(Equal.equals(make(), { response: head(200) })))
  it("with another head is another (TestCachedURLResponse/test_equalCheckingResponse)", () => {
    assert.isFalse(Equal.equals(make(), make({ response: head(201) })))
    assert.isTrue(Equal.equals(make(), make({ response: head(200) })))
  })
  it("with other bytes is another (TestCachedURLResponse/test_equalCheckingData)", () => {
    assert.isFalse(Equal.equals(make(), make({ data: bytes("date") })))
    assert.isFalse(Equal.equals(make(), make({ data: bytes("dat") })))
  })
  it("with another policy, or other notes, is another (TestCachedURLResponse/test_equalCheckingStoragePolicy)", () => {
    assert.isFalse(Equal.equals(make(), make({ storagePolicy: "allowedInMemoryOnly" })))
    assert.isFalse(Equal.equals(make({ userInfo: { a: 1 } }), make({ userInfo: { a: 2 } })))
    assert.isFalse(Equal.equals(make({ userInfo: { a: 1 } }), make()))
  })
  it("has the hash of those that it is equal to (TestCachedURLResponse/test_hash)", () => {
    assert.strictEqual(Hash.hash(make()), Hash.hash(make()))
    for (
      const other of [make({ response: head(201) }), make({ data: bytes("x") }), make({ storagePolicy: "notAllowed" })]
    ) {
      assert.notStrictEqual(Hash.hash(make()), Hash.hash(other))
    }
  })
  it("is printed without its bytes, a query, or a cookie", () => {
    for (const printed of [String(make()), JSON.stringify(make())]) assert.notInclude(printed, "secret")
  })
})
