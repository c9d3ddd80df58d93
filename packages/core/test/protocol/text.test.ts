// Bytes as text (WHATWG Encoding Standard).
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { decodeText } from "../../src/internal/protocol/text.ts"

const bytes = (...values: ReadonlyArray<number>) => new Uint8Array(values)

describe("the text of a body (RSP-01)", () => {
  const labels: ReadonlyArray<readonly [label: string, bytes: Uint8Array, text: string]> = [
    ["utf-8", bytes(0xc3, 0xbc), "ü"],
    ["UTF8", bytes(0xc3, 0xbc), "ü"],
    [" utf-8 ", bytes(0xc3, 0xbc), "ü"],
    ["iso-8859-1", bytes(0xfc, 0x80, 0x92), "ü€’"],
    ["latin1", bytes(0x93, 0x94), "“”"],
    ["ascii", bytes(0xe9, 0x81), "é\u0081"],
    ["windows-1252", bytes(0x8a, 0x41), "ŠA"],
    ["windows-1251", bytes(0xcf, 0xf0), "Пр"],
    ["iso-8859-15", bytes(0xa4), "€"],
    ["iso-8859-16", bytes(0xa4, 0xba, 0xff, 0x41), "€șÿA"],
    ["koi8-r", bytes(0xd0, 0xd2), "пр"],
    ["shift_jis", bytes(0x82, 0xa0), "あ"],
    ["euc-jp", bytes(0xa4, 0xa2), "あ"],
    ["iso-2022-jp", bytes(0x1b, 0x24, 0x42, 0x24, 0x22), "あ"],
    ["gbk", bytes(0xc4, 0xe3), "你"],
    ["gb18030", bytes(0x81, 0x30, 0x81, 0x30), "\u0080"],
    ["big5", bytes(0xa7, 0x41), "你"],
    ["euc-kr", bytes(0xb0, 0xa1), "가"],
    ["utf-16le", bytes(0x41, 0x00), "A"],
    ["utf-16be", bytes(0x00, 0x41), "A"],
    ["x-user-defined", bytes(0x41, 0xff), "A\uf7ff"]
  ]
  for (const [label, encoded, expected] of labels) {
    it(`is read by the label ${JSON.stringify(label)}`, () => {
      assert.strictEqual(decodeText(encoded, label), expected)
    })
  }

  it("is UTF-8 without a label, and with one that nobody knows", () => {
    for (const label of [undefined, "", "utf-99", "x".repeat(10_000), "\0"]) {
      assert.strictEqual(decodeText(bytes(0xc3, 0xbc), label), "ü")
    }
  })

  it("follows its byte order mark rather than any label, and loses it", () => {
    for (const label of [undefined, "utf-8", "iso-8859-1", "shift_jis", "iso-2022-kr"]) {
      assert.strictEqual(decodeText(bytes(0xef, 0xbb, 0xbf, 0xc3, 0xbc), label), "ü")
      assert.strictEqual(decodeText(bytes(0xff, 0xfe, 0x41, 0x00), label), "A")
      assert.strictEqual(decodeText(bytes(0xfe, 0xff, 0x00, 0x41), label), "A")
    }
    assert.strictEqual(decodeText(bytes(0xef, 0xbb, 0xbf), "utf-8"), "")
  })

  it("has U+FFFD for what cannot be read, and only that for an encoding that can hide ASCII", () => {
    assert.strictEqual(decodeText(bytes(0x41, 0xff), "utf-8"), "A\ufffd")
    assert.strictEqual(decodeText(bytes(0x41, 0x42), "iso-2022-kr"), "\ufffd")
    assert.strictEqual(decodeText(bytes(), "hz-gb-2312"), "")
  })

  it.prop("never throws, and ASCII stays what it is", [
    FastCheck.string({ unit: "grapheme-ascii" }),
    FastCheck.string()
  ], ([text, label]) => {
    const ascii = new Uint8Array([...text].map((one) => one.charCodeAt(0)))
    decodeText(ascii, label)
    for (const name of ["latin1", "iso-8859-16", "x-user-defined", "koi8-r"]) {
      assert.strictEqual(decodeText(ascii, name), text)
    }
  })
})
