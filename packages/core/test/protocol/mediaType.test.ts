// Media types, lengths, and names for files.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import {
  expectedContentLength,
  parseMediaType,
  safeFileName,
  suggestedFileName
} from "../../src/internal/protocol/mediaType.ts"

const type = (value: string | undefined) => {
  const media = parseMediaType(value)
  return media === undefined ? undefined : [media.essence, media.charset]
}
const named = (disposition: string | undefined, url = "https://www.swift.org") => suggestedFileName(url, disposition)

describe("RSP-01 media type", () => {
  it("TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_1: none without Content-Type", () => {
    assert.isUndefined(type(undefined))
  })

  it("TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_2: no charset where none is said", () => {
    assert.deepStrictEqual(type("text/html"), ["text/html", undefined])
  })

  it("TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_3: both in lower case", () => {
    assert.deepStrictEqual(type("text/HTML; charset=ISO-8859-4"), ["text/html", "iso-8859-4"])
  })

  it("reads quoted values, blanks, and parameters in any case; of two the first holds", () => {
    assert.deepStrictEqual(type(" Text/Plain ;CHARSET = \"UTF-8\" ;charset=x"), ["text/plain", "utf-8"])
    const media = parseMediaType("a/b; x=\"a;b\\\"c\"; Y=1; broken; =2; z=")
    assert.deepStrictEqual(Object.fromEntries(media?.parameters ?? []), { x: "a;b\"c", y: "1", z: "" })
  })

  it("is none where it is not of the form type/subtype", () => {
    for (const value of ["", "text", "text/", "/html", "a/b/c", "te xt/html", "*", "text/html,text/plain"]) {
      assert.isUndefined(type(value), value)
    }
    assert.deepStrictEqual(type("text/html; charset="), ["text/html", undefined])
  })

  it.prop("never throws", [FastCheck.string({ unit: "binary" })], ([value]) => {
    parseMediaType(value)
    parseMediaType(`a/b;${value}`)
  })
})

describe("RSP-03 the length that is expected", () => {
  it("is what Content-Length says, also where it is said twice", () => {
    assert.strictEqual(expectedContentLength(["997"]), 997)
    assert.strictEqual(expectedContentLength(["0"]), 0)
    assert.strictEqual(expectedContentLength(["997", "997, 997"]), 997)
    assert.strictEqual(expectedContentLength(["9007199254740991"]), Number.MAX_SAFE_INTEGER)
  })

  it("is unknown where it is not said, or said badly", () => {
    for (
      const lines of [[], [""], ["1", "2"], ["1, 2"], ["-1"], ["1e3"], ["9007199254740992"], ["99999999999999999"]]
    ) {
      assert.isUndefined(expectedContentLength(lines), lines.join("|"))
    }
  })
})

describe("RSP-01 suggested file name", () => {
  it("TestURLResponse/test_suggestedFilename_1: the last segment of the path", () => {
    assert.strictEqual(named(undefined, "https://example.com/a/b/name.html"), "name.html")
    assert.strictEqual(named(undefined, "https://example.com/a/b/"), "b")
  })

  it("TestURLResponse/test_suggestedFilename_2: without the query", () => {
    assert.strictEqual(named(undefined, "https://example.com/name.html?foo=bar/baz#x/y"), "name.html")
  })

  it("TestURLResponse/test_suggestedFilename_3: Unknown without a path", () => {
    assert.strictEqual(named(undefined, "https://example.com"), "Unknown")
    assert.strictEqual(named(undefined, "data:,a/b"), "Unknown")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_notAvailable_1: Unknown where nothing names it", () => {
    assert.strictEqual(named(undefined), "Unknown")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_notAvailable_2: Unknown for inline without a name", () => {
    assert.strictEqual(named("inline"), "Unknown")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_1: quoted", () => {
    assert.strictEqual(named("attachment; filename=\"fname.ext\""), "fname.ext")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_2: unquoted, with parameters after it", () => {
    assert.strictEqual(
      named("attachment; filename=genome.jpeg; modification-date=\"Wed, 12 Feb 1997 16:29:51 -0500\";"),
      "genome.jpeg"
    )
  })

  it("TestHTTPURLResponse/test_suggestedFilename_3: with a semicolon in quotes", () => {
    assert.strictEqual(named("attachment; filename=\";.ext\""), ";.ext")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_4: not taken in by an escaped semicolon", () => {
    assert.strictEqual(named("attachment; aa=bb\\; filename=\"wrong.ext\"; filename=\"fname.ext\"; cc=dd"), "fname.ext")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_removeSlashes_1: absolute paths are none", () => {
    assert.strictEqual(named("attachment; filename=\"/a/b/name\""), "_a_b_name")
  })

  it("TestHTTPURLResponse/test_suggestedFilename_removeSlashes_2: nor are relative ones", () => {
    assert.strictEqual(named("attachment; filename=\"a/../b/name\""), "a_.._b_name")
  })

  it("prefers filename* (RFC 6266 4.3), where it can be read", () => {
    assert.strictEqual(named("attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates"), "\u20ac rates")
    assert.strictEqual(named("attachment; filename*=ISO-8859-1'en'%A3%20rates"), "\u00a3 rates")
    assert.strictEqual(named("attachment; filename*=UTF-8''a'b%2F; filename=x"), "a'b_")
    for (const broken of ["UTF-8''%ff", "koi8-r''%c1", "UTF-8'x", "UTF-8''"]) {
      assert.strictEqual(named(`attachment; filename*=${broken}; filename=plain.txt`), "plain.txt", broken)
    }
  })

  it("reads UTF-8 that came as single bytes, and percent-encoded paths", () => {
    assert.strictEqual(named("attachment; filename=\"na\u00c3\u00afve.txt\""), "na\u00efve.txt")
    assert.strictEqual(named("attachment; filename=\"na\u00efve.txt\""), "na\u00efve.txt")
    assert.strictEqual(named(undefined, "https://example.com/na%C3%AFve%2Ftxt"), "na\u00efve_txt")
    assert.strictEqual(named(undefined, "https://example.com/%ff"), "\ufffd")
  })

  it("never gives a name that leaves its directory, hides, or is too long", () => {
    assert.strictEqual(named("attachment; filename=\"..\"", "https://example.com/x"), "x")
    assert.strictEqual(named("attachment; filename=\".\""), "Unknown")
    assert.strictEqual(named("attachment; filename=\"..\\\\..\\\\x\""), ".._.._x")
    assert.strictEqual(named("attachment; filename*=UTF-8''a%00b%0d%0a%e2%80%aetxt.exe"), "abtxt.exe")
    assert.strictEqual(named(undefined, "https://example.com/%2e%2e%2f%2e%2e"), ".._")
    assert.strictEqual(named(`attachment; filename="${"\u00e9".repeat(300)}"`).length, 127)
    assert.strictEqual(named("attachment; filename=\"  \""), "Unknown")
  })

  it("is no device of Windows, no stream of another file, and ends in no dot or blank", () => {
    for (const name of ["CON", "nul.txt", "Com1.tar.gz", "lpt\u00b9", "aux ", "prn ."]) {
      assert.match(named(`attachment; filename*=UTF-8''${encodeURIComponent(name)}`), /^_/, name)
    }
    assert.strictEqual(named("attachment; filename=\"console.txt\""), "console.txt")
    assert.strictEqual(named("attachment; filename=\"a.txt:evil.exe\""), "a.txt_evil.exe")
    assert.strictEqual(named("attachment; filename=\"a?b*c|d<e>f\""), "a_b_c_d_e_f")
    assert.strictEqual(named("attachment; filename=\"a.exe. . \""), "a.exe")
  })

  it("that is too long keeps its extension", () => {
    const long = named(`attachment; filename="${"n".repeat(300)}.tar.gz"`)
    assert.strictEqual(long.length, 255)
    assert.isTrue(long.endsWith("n.gz"))
    assert.strictEqual(named(`attachment; filename="x.${"y".repeat(300)}"`).length, 255)
  })

  it.prop(
    "is always a single safe segment",
    [FastCheck.string({ unit: "binary" }), FastCheck.webPath()],
    ([name, path]) => {
      for (const disposition of [`attachment; filename="${name}"`, `attachment; filename*=UTF-8''${name}`, name]) {
        const safe = suggestedFileName(`https://example.com${path}`, disposition)
        assert.strictEqual(safeFileName(safe), safe)
        assert.isFalse(safe === "" || safe === "." || safe === ".." || /[/\\\0:*?"<>|]|[. ]$/.test(safe))
        assert.isAtMost(Buffer.byteLength(safe), 255)
      }
    }
  )
})
