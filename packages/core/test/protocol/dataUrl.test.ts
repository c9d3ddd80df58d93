// data: URLs against RFC 2397 and the Fetch standard.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { parseDataUrl } from "../../src/internal/protocol/dataUrl.ts"

const family = "\u{1f468}\u200d\u{1f468}\u200d\u{1f467}"
const read = (url: string) => {
  const data = parseDataUrl(url)
  return data === undefined ? undefined : { ...data, body: Buffer.from(data.body).toString("latin1") }
}
const facts = (url: string) => {
  const data = parseDataUrl(url)
  return data === undefined ? undefined : [data.mimeType, data.charset, Buffer.from(data.body).toString()]
}

describe("data: URLs (RFC 2397)", () => {
  it("TestDataURLProtocol/test_validURIs: type, first charset, and body, plain and base64", () => {
    assert.deepStrictEqual(facts("data:,123"), ["text/plain", undefined, "123"])
    const base64 = Buffer.from(family).toString("base64")
    assert.deepStrictEqual(facts(`data:;charset=utf-8;base64,${base64}`), ["text/plain", "utf-8", family])
    assert.deepStrictEqual(facts(`data:text/plain;charset=utf-8,${encodeURIComponent(family)}`), [
      "text/plain",
      "utf-8",
      family
    ])
    for (const charset of ["utf-16", "utf-16le", "utf-16be"]) {
      const bytes = Buffer.from(family, "utf16le")
      const data = parseDataUrl(`data:;charset=${charset};base64,${bytes.toString("base64")}`)
      assert.deepStrictEqual([data?.mimeType, data?.charset], ["text/plain", charset])
      assert.deepStrictEqual(Buffer.from(data?.body ?? []), bytes)
    }
    assert.deepStrictEqual(facts("data:application/json;charset=iso-8859-1;key=value,,123"), [
      "application/json",
      "iso-8859-1",
      ",123"
    ])
    assert.deepStrictEqual(facts("data:;charset=utf-8;charset=utf-16;image/png,abc"), ["text/plain", "utf-8", "abc"])
    assert.deepStrictEqual(facts("data:a/b;key=value;charset=macroman,blahblah"), ["a/b", "macroman", "blahblah"])
  })

  it("TestDataURLProtocol/test_invalidURIs: no comma, or a media type that is none", () => {
    const invalid = [
      "data://blah",
      "data:%2c123",
      "data:application_json;charset=iso-8859-%31;key=value,123,",
      "data:appli/cation/json%3bcharset=ISO-8859-1;key=value,,123,"
    ]
    for (const url of invalid) assert.isUndefined(parseDataUrl(url), url)
  })

  it("keeps the media type as it was written, and cuts the fragment", () => {
    assert.deepStrictEqual(read("DATA: Text/HTML;Charset=\"UTF-8\" ,<p>%41#frag"), {
      mimeType: "text/html",
      charset: "utf-8",
      mediaType: "Text/HTML;Charset=\"UTF-8\"",
      body: "<p>A"
    })
    assert.isUndefined(parseDataUrl("data:text/plain#,x"))
    assert.strictEqual(read("data:;x=y,")?.mediaType, "text/plain;x=y")
  })

  it("decodes percent signs, also those that are none, and bytes above ASCII", () => {
    assert.strictEqual(read("data:,%00%ff%zz%4")?.body, "\0\xff%zz%4")
    assert.deepStrictEqual(Array.from(parseDataUrl("data:,\u20ac")?.body ?? []), [0xe2, 0x82, 0xac])
  })

  it("decodes base64 with blanks and without padding, and refuses what is broken", () => {
    assert.strictEqual(read("data:; BASE64,QUJD")?.body, "ABC")
    assert.strictEqual(read("data:;base64,Q%20U I%3D")?.body, "AB")
    assert.strictEqual(read("data:;base64,QQ")?.body, "A")
    assert.strictEqual(read("data:;base64,QQ==")?.body, "A")
    assert.strictEqual(read("data:;base64,")?.body, "")
    for (const body of ["Q", "QQ=", "QQ===", "Q=Q=", "QUJD=", "QU_D", "QU-D", "====", "QUJDR", "%ff"]) {
      assert.isUndefined(parseDataUrl(`data:;base64,${body}`), body)
    }
    assert.strictEqual(read("data:;base64;x=y,QQ==")?.body, "QQ==")
  })

  it("lets nothing into the media type that a field cannot hold", () => {
    assert.isUndefined(parseDataUrl("data:text/plain;x=\"\r\ny: z\",x"))
    assert.isUndefined(parseDataUrl("data:text/plain;x=\u010d\u010a,x"))
    assert.isUndefined(parseDataUrl("http://example.com/,x"))
  })

  it.prop("any bytes come back, by either form", [FastCheck.uint8Array()], ([bytes]) => {
    const base64 = parseDataUrl(`data:a/b;base64,${Buffer.from(bytes).toString("base64")}`)
    const percent = parseDataUrl(
      `data:a/b,${[...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")}`
    )
    assert.deepStrictEqual(base64?.body, bytes)
    assert.deepStrictEqual(percent?.body, bytes)
  })

  it.prop("never throws", [FastCheck.string({ unit: "binary" })], ([text]) => {
    parseDataUrl(`data:${text}`)
    parseDataUrl(`data:${text},${text}`)
    parseDataUrl(`data:;base64,${text}`)
  })
})
