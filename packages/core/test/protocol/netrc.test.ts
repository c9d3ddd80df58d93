// .netrc as curl reads it.
import { assert, describe, it } from "@effect/vitest"
import { findMachine, parseNetrc } from "../../src/internal/protocol/netrc.ts"

const one = (host: string | undefined, login: string | undefined, secret: string | undefined) => ({
  host,
  login,
  secret
})

describe("parseNetrc", () => {
  const reads = (name: string, text: string, expected: ReturnType<typeof parseNetrc>) =>
    it(name, () => assert.deepStrictEqual(parseNetrc(text), expected))

  reads("one line", "machine a.test login ada password x", [one("a.test", "ada", "x")])
  reads("many lines", "\r\nmachine A.test\r\n\tlogin ada\r\n\tpassword x\r\n", [one("a.test", "ada", "x")])
  reads("nothing", "", [])
  reads("account is skipped", "machine a login l account acct password p", [one("a", "l", "p")])
  reads("default, and entries that lack something", "machine a login l\ndefault login d password p", [
    one("a", "l", undefined),
    one(undefined, "d", "p")
  ])
  reads(
    "a macro is skipped to the empty line, whatever it says",
    "machine a login l password p\nmacdef init\nmachine evil login e password e\n\nmachine b login m password q",
    [one("a", "l", "p"), one("b", "m", "q")]
  )
  reads("a macro without an end", "machine a login l password p\nmacdef init\nmachine evil login e", [
    one("a", "l", "p")
  ])
  reads(
    "comments begin a line; elsewhere # is a letter",
    "# machine x login y\n  # and this\nmachine a login l password #p\nmachine b password q#r login m",
    [one("a", "l", "#p"), one("b", "m", "q#r")]
  )
  reads("quoted words", "machine a login \"a b\" password \"q\\\"u\\\\o\\tt\\n\\r\\x\"", [
    one("a", "a b", "q\"u\\o\tt\n\rx")
  ])
  reads("an empty quoted word is a password", "machine a login l password \"\"", [one("a", "l", "")])
  reads("a byte order mark", "\uFEFFmachine a login l password p", [one("a", "l", "p")])
  reads("a quote without an end", "machine a login l password \"p", undefined)
  reads("a quote that goes over the end of its line", "machine a login l password \"p\nq\"", undefined)
  reads("an entry that is cut off", "machine a login l password", undefined)
  reads("a host that is cut off", "machine", undefined)
  reads("other words are skipped", "port 21 machine a login l port 21 password p", [one("a", "l", "p")])
  reads("words outside an entry belong to none", "login l password p machine a", [one("a", undefined, undefined)])
  reads("a password that is a word of the file", "machine a login password password machine", [
    one("a", "password", "machine")
  ])
})

describe("findMachine", () => {
  const machines = [one(undefined, "d", "p"), one("a", "l", "p"), one("a", "m", "q")]
  it("gives every entry of the host, in their order", () =>
    assert.deepStrictEqual(findMachine(machines, "a", true).map((m) => m.login), ["l", "m"]))
  it("gives the default to the others, where it may be used", () => {
    assert.deepStrictEqual(findMachine(machines, "b", true).map((m) => m.login), ["d"])
    assert.deepStrictEqual(findMachine(machines, "b", false), [])
  })
})
