// The paths of protection spaces.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { covers, digestDomain, pathPrefix } from "../../src/internal/protocol/protectionSpace.ts"

const segment = FastCheck.constantFrom("a", "b", "admin", "administrator", ".", "..", "", "%2e", "%2E%2e", "x.y")
const path = FastCheck.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`)
const clean = FastCheck.array(FastCheck.constantFrom("a", "b", "admin", "x.y"), { maxLength: 5 }).map((segments) =>
  `/${segments.join("/")}`
)

describe("paths of a protection space (RFC 7617 2.2)", () => {
  it("prefix: the directory, without query, dot segments resolved", () => {
    const vectors = [
      ["/", "/"],
      ["", "/"],
      ["/a", "/"],
      ["/a/", "/a/"],
      ["/a/b.html?x=/y/z", "/a/"],
      ["/a/b/c#/d", "/a/b/"],
      ["/a/../b/c", "/b/"],
      ["/a/./b/..", "/a/"],
      ["/../../x", "/"],
      ["/a/%2e%2E/b/c", "/b/"],
      ["/a/.b/c", "/a/.b/"],
      ["?q", "/"]
    ] as const
    for (const [target, prefix] of vectors) assert.strictEqual(pathPrefix(target), prefix, target)
  })

  it("covers by whole segments: /admin does not cover /administrator", () => {
    const yes = [
      ["/admin", "/admin"],
      ["/admin", "/admin/"],
      ["/admin", "/admin/x?y"],
      ["/admin", "/admin?x"],
      ["/admin/", "/admin/"],
      ["/admin/", "/admin/x/y"],
      ["/", "/"],
      ["/", "/x"],
      ["/a/./b", "/a/b/c"]
    ] as const
    const no = [
      ["/admin", "/administrator"],
      ["/admin", "/"],
      ["/admin", "/Admin"],
      ["/admin/", "/admin"],
      ["/admin", "/admin/../secret"],
      ["/admin", "/admin/%2e%2e/secret"],
      ["/admin", "/admin/..\\secret"],
      ["/a/b", "/a/c"],
      ["https://example.com/", "/"],
      ["", "/"]
    ] as const
    for (const [prefix, target] of yes) assert.isTrue(covers(prefix, target), `${prefix} ${target}`)
    for (const [prefix, target] of no) assert.isFalse(covers(prefix, target), `${prefix} ${target}`)
  })

  it.prop(
    "covers the same paths whether or not something has to be undone in them",
    [path, path, FastCheck.constantFrom("", "?/../a", "#b")],
    ([prefix, target, query]) => {
      // an empty dot segment in front leaves a path as it is, and has it taken apart
      assert.strictEqual(covers(prefix, target + query), covers(`/.${prefix}`, `/.${target}${query}`))
    }
  )

  it("counts the URIs of a Digest domain only inside the origin (RFC 7616 3.3)", () => {
    const url = "https://example.com/a/b?c"
    assert.deepStrictEqual(digestDomain([], url), ["/"])
    assert.deepStrictEqual(
      digestDomain(
        [
          "/x",
          "y/",
          "https://example.com:443/z",
          "https://example.com.evil/",
          "//evil/",
          "http://example.com/",
          "https://example.com:8443/",
          "https://[",
          "data:,x",
          "/q/../r?s"
        ],
        url
      ),
      ["/x", "/a/y/", "/z", "/r"]
    )
    assert.deepStrictEqual(digestDomain(["https://evil/"], url), [])
  })

  it.prop("covers is reflexive", [path], ([one]) => {
    assert.isTrue(covers(one, one))
  })

  it.prop("covers is transitive", [clean, clean, clean], ([a, b, c]) => {
    assert.isTrue(!covers(a, b) || !covers(b, c) || covers(a, c))
  })

  it.prop("covers goes by segments", [clean, clean], ([prefix, target]) => {
    const wanted = prefix.split("/").filter((one) => one !== "")
    const segments = target.split("/").filter((one) => one !== "")
    assert.strictEqual(covers(prefix, target), wanted.every((one, index) => one === segments[index]))
    assert.isFalse(covers(`/k${prefix}`, target))
  })

  it.prop("the prefix of a path covers the path, and paths below it stay below it", [path], ([one]) => {
    const prefix = pathPrefix(one)
    assert.isTrue(prefix.startsWith("/") && prefix.endsWith("/"))
    assert.isTrue(covers(prefix, one))
    assert.isTrue(covers(prefix, `${prefix}x`))
  })
})
