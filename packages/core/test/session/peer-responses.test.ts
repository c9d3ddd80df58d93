/** Heads of responses: what another implementation's tests ask of URLResponse and HTTPURLResponse. */
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as ResponseHead from "@urlsession/core/ResponseHead"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as HashSet from "effect/HashSet"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { api, scripted } from "./support.ts"

type Fields = Readonly<Record<string, string>>

const head = (fields: Fields = {}, url = `${api}a/test/path`, status = 200) =>
  new ResponseHead.ResponseHead({ url, status, headers: HeaderFields.fromEntries(Object.entries(fields)) })

/** The head that a session gives for a response with these fields. */
const received = (fields: Fields, status = 200) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make()
    const response = yield* session.execute(api)
    yield* response.cancel
    return response
  }).pipe(scripted(() => [...TestTransport.head(status, fields), ...TestTransport.end]))

describe("what a head says of its content", () => {
  it("is its type, in lower case, or nothing (RSP-01, TestURLResponse/test_MIMEType)", () => {
    assert.strictEqual(head({ "content-type": "Text/Plain" }).mimeType, "text/plain")
    assert.strictEqual(head({ "content-type": "application/wordperfect" }).mimeType, "application/wordperfect")
    assert.isUndefined(head().mimeType)
    assert.isUndefined(head({ "content-type": "none" }).mimeType)
  })

  it("is its charset, in lower case, or nothing (RSP-01, TestURLResponse/test_TextEncodingName)", () => {
    assert.strictEqual(head({ "content-type": "text/plain; charset=UTF-8" }).textEncodingName, "utf-8")
    assert.isUndefined(head({ "content-type": "text/plain" }).textEncodingName)
    assert.isUndefined(head().textEncodingName)
  })

  it.scoped("is no field at all where there is none (RSP-02, TestHTTPURLResponse/test_headerFields_2)", () =>
    Effect.gen(function*() {
      assert.strictEqual(head({}).headers.size, 0)
      assert.strictEqual((yield* received({})).headers.size, 0)
    }))

  const lengths: ReadonlyArray<readonly [row: string, Fields]> = [
    ["TestHTTPURLResponse/test_contentLength_available_2", { "transfer-encoding": "identity" }],
    [
      "TestHTTPURLResponse/test_contentLength_available_4",
      { "content-encoding": "identity", "transfer-encoding": "identity" }
    ],
    ["TestHTTPURLResponse/test_contentLength_withTransferEncoding", { "transfer-encoding": "chunked" }],
    [
      "TestHTTPURLResponse/test_contentLength_withContentEncodingAndTransferEncoding",
      { "content-encoding": "deflate", "transfer-encoding": "identity" }
    ],
    [
      "TestHTTPURLResponse/test_contentLength_withContentEncodingAndTransferEncoding_2",
      { "content-encoding": "identity", "transfer-encoding": "chunked" }
    ]
  ]
  for (const [row, fields] of lengths) {
    it.scoped(`is the length that its field names, beside ${JSON.stringify(fields)} too (RSP-03, ${row})`, () =>
      Effect.gen(function*() {
        const all = { ...fields, "content-length": "997" }
        assert.strictEqual(head(all).expectedContentLength, 997)
        assert.strictEqual((yield* received(all)).expectedContentLength, 997)
        assert.isUndefined(head(fields).expectedContentLength)
        assert.isUndefined((yield* received(fields)).expectedContentLength)
      }))
  }
})

describe("the fields of a head", () => {
  const written = {
    "location": "/newLocation",
    "conTent-lenGTH": "123",
    "CONTENT-type": "text/plAIn; charset=ISO-8891-1",
    "x-extra-HEADER": "my Header",
    "X-UPPERCASE": "UPPERCASE",
    "X-mixedCASE": "MIXEDcase"
  }
  it.scoped("are looked up in any case, and listed in lower case (RSP-02, TestHTTPURLResponse/test_fieldCapitalisation)", () =>
    Effect.gen(function*() {
      const response = yield* received(written, 300)
      for (const one of [response, ResponseHead.of(response)]) {
        assert.strictEqual(one.status, 300)
        assert.strictEqual(one.expectedContentLength, 123)
        assert.strictEqual(one.mimeType, "text/plain")
        assert.strictEqual(one.textEncodingName, "iso-8891-1")
        for (const name of ["location", "LOcation", "locATIon"]) {
          assert.strictEqual(one.headers.get(name), "/newLocation")
        }
        for (const name of ["x-extra-HEADER", "X-EXTRA-HEADER", "x-ExTrA-header"]) {
          assert.strictEqual(one.headers.get(name), "my Header")
        }
        assert.deepStrictEqual(
          [...one.headers],
          Object.entries(written).map(([name, value]) => [name.toLowerCase(), value] as const)
        )
      }
    }))
})

describe("a head as a value", () => {
  const full = {
    "content-type": "text/HTML; charset=ISO-8859-4",
    "content-disposition": "attachment; filename=fname.ext",
    "content-length": "100"
  }
  const differing: ReadonlyArray<readonly [row: string, ResponseHead.ResponseHead]> = [
    ["TestURLResponse/test_equalCheckingURL", head(full, `${api}a/second/path`)],
    [
      "TestURLResponse/test_equalCheckingMimeType",
      head({ ...full, "content-type": "text/plain; charset=ISO-8859-4" })
    ],
    ["TestURLResponse/test_equalCheckingExpectedContentLength", head({ ...full, "content-length": "200" })],
    [
      "TestURLResponse/test_equalCheckingTextEncodingName",
      head({ ...full, "content-type": "text/HTML; charset=UTF-8" })
    ],
    ["RSP-02", head(full, undefined, 201)],
    ["RSP-02", head({ ...full, "x-more": "1" })],
    [
      "RSP-02",
      new ResponseHead.ResponseHead({ url: head().url, status: 200, reason: "OK", headers: head(full).headers })
    ]
  ]
  for (const [row, other] of differing) {
    it(`differs from ${other} with ${JSON.stringify([...other.headers])} (${row})`, () => {
      assert.isFalse(Equal.equals(head(full), other))
      assert.isFalse(Equal.equals(other, head(full)))
      assert.isTrue(Equal.equals(other, other))
    })
  }

  it("is equal to itself and to a copy, and to nothing of another kind (TestURLResponse/test_equalWithTheSameInstance, TestURLResponse/test_copyWithZone, TestURLResponse/test_equalWithUnrelatedObject)", () => {
    const one = head(full)
    assert.isTrue(Equal.equals(one, one))
    assert.isTrue(Equal.equals(one, head(full)))
    assert.isTrue(Equal.equals(one, new ResponseHead.ResponseHead(one)))
    for (const other of [{ ...one }, one.url, one.toJSON(), undefined, new Date(0)]) {
      assert.isFalse(Equal.equals(one, other))
    }
  })

  it("is one member of a set, however often it is made (TestURLResponse/test_hash)", () => {
    assert.strictEqual(Hash.hash(head(full)), Hash.hash(head(full)))
    const all = [head(full), head(full), ...differing.map(([, other]) => other), ...differing.map(([, other]) => other)]
    assert.strictEqual(HashSet.size(HashSet.fromIterable(all)), 1 + differing.length)
    assert.strictEqual(new Set(differing.map(([, other]) => Hash.hash(other))).size, differing.length)
  })

  it("is printed without the query of its URL and without cookies", () => {
    const one = head({ "set-cookie": "sid=93be01", ...full }, `${api}a?sig=a41d77`)
    for (const printed of [inspect(one), JSON.stringify(one), String(one)]) {
      assert.include(printed, "api.test/a")
      assert.notInclude(printed, "a41d77")
      assert.notInclude(printed, "93be01")
    }
  })

  const write = Schema.encodeSync(ResponseHead.schema)
  const read = Schema.decodeUnknownEither(ResponseHead.schema)

  it("is the same after it has been written down and read again (TestURLResponse/test_NSCoding, TestHTTPURLResponse/test_NSCoding)", () => {
    const one = new ResponseHead.ResponseHead({
      url: `${api}a/b?c=d`,
      status: 203,
      reason: "Fine",
      headers: HeaderFields.fromEntries([...Object.entries(full), ["set-cookie", "a=1"], ["set-cookie", "b=2"]])
    })
    const again = Either.getOrThrow(read(JSON.parse(JSON.stringify(write(one)))))
    assert.isTrue(Equal.equals(one, again))
    assert.strictEqual(again.url, `${api}a/b?c=d`)
    assert.strictEqual(again.status, 203)
    assert.strictEqual(again.mimeType, "text/html")
    assert.strictEqual(again.textEncodingName, "iso-8859-4")
    assert.strictEqual(again.expectedContentLength, 100)
    assert.strictEqual(again.suggestedFileName, "fname.ext")
    assert.deepStrictEqual(again.headers.getAll("set-cookie"), ["a=1", "b=2"])
  })

  it("suggests no path, whoever wrote the record (TestURLResponse/test_NSCodingEmptySuggestedFilename, TestURLResponse/test_NSCodingInvalidSuggestedFilename)", () => {
    const named = (disposition: string) =>
      Either.getOrThrow(read({ ...write(head({}, api)), headers: [["Content-Disposition", disposition]] }))
        .suggestedFileName
    assert.strictEqual(named("attachment; filename=\"\""), "Unknown")
    assert.strictEqual(named("attachment; filename=\"invalid/valid\""), "invalid_valid")
    assert.strictEqual(named("attachment; filename=\"../../etc/passwd\""), ".._.._etc_passwd")
  })

  it("is not read from what is no record of one, and what it says of that quotes nothing", () => {
    const record = { ...write(head(full)), reason: "secret" }
    for (
      const wrong of [
        null,
        {},
        { ...record, status: "200" },
        { ...record, status: 20 },
        { ...record, url: undefined },
        { ...record, headers: [["one"]] }
      ]
    ) {
      const result = read(wrong)
      const shown = Either.isLeft(result) ? inspect(result.left, { depth: 9 }) + String(result.left) : "read"
      assert.match(shown, /not a record of a response's head/, JSON.stringify(wrong))
      assert.notInclude(shown, "secret")
    }
  })
})
