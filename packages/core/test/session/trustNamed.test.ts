import { assert, describe, it } from "@effect/vitest"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import { certificate, day } from "./trustSupport.ts"

const host = "api.test"
const trusted = TestTransport.presented(host, 443, [], [certificate("leaf"), certificate("root", { issuer: "root" })])
const untrusted = TestTransport.presented(host, 443, ["UnknownRoot"])

const verdict = (evaluator: ServerTrust.Evaluator, trust: ServerTrust.ServerTrust) =>
  Effect.map(
    evaluator.judge?.(trust) ?? Effect.succeed(ServerTrust.performDefault),
    (said) => said._tag === "Reject" ? said.why : said._tag
  )

describe("pins with backups and an end (TRU-02)", () => {
  const pins = ServerTrust.pinned({
    [host]: { pins: ["sha256/gone"], backups: ["sha256/root"], expires: day(10) }
  })
  const wrong = ServerTrust.pinned({ [host]: { pins: ["sha256/gone"], expires: day(10) } })

  it.effect("a backup counts as the others do", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(day(0).getTime())
      assert.strictEqual(yield* verdict(pins, trusted), "Verify")
      assert.strictEqual(yield* verdict(wrong, trusted), "PinMismatch")
    }))

  it.effect("they bind up to their end, and from then on no more", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(day(10).getTime() - 1)
      assert.strictEqual(yield* verdict(wrong, trusted), "PinMismatch")
      assert.strictEqual(yield* verdict(wrong, untrusted), "Verify")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* verdict(wrong, trusted), "Default")
      // what the platform refuses stays refused: the end of a pin accepts nothing
      assert.strictEqual(yield* verdict(wrong, untrusted), "Default")
    }))

  it.effect("certificates are pinned the same way", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(day(9).getTime())
      const set = ServerTrust.pinnedCertificates({ [host]: { pins: ["AAAA"], expires: day(10) } })
      assert.strictEqual(yield* verdict(set, trusted), "PinMismatch")
      yield* TestClock.setTime(day(11).getTime())
      assert.strictEqual(yield* verdict(set, trusted), "Default")
    }))
})

describe("names of hosts that are pinned (TRU-02)", () => {
  const gone = ["sha256/gone"] as const
  const said = (name: string, visited: string) =>
    verdict(ServerTrust.pinned({ [name]: gone }), TestTransport.presented(visited, 443, [], [certificate("leaf")]))

  for (
    const [name, visited] of [
      ["API.Example.TEST", "api.example.test"],
      ["api.example.test.", "api.example.test"],
      ["api.example.test", "api.example.test."],
      ["b\u00fccher.test", "xn--bcher-kva.test"],
      ["*.example.test", "api.example.test"],
      ["*.example.test", "a.api.example.test"],
      ["[::1]", "::1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["127.0.0.1", "127.0.0.1"]
    ] as const
  ) {
    it.effect(`${name} binds ${visited}`, () =>
      Effect.map(said(name, visited), (one) => assert.strictEqual(one, "PinMismatch")))
  }

  for (const visited of ["example.test", "apiexample.test", "other.test"]) {
    it.effect(`*.example.test does not bind ${visited}`, () =>
      Effect.map(said("*.example.test", visited), (one) => assert.strictEqual(one, "Default")))
  }

  it.effect("a host of its own comes before a wildcard", () =>
    Effect.gen(function*() {
      const pins = ServerTrust.pinned({ "*.example.test": gone, "api.example.test": ["sha256/leaf"] })
      const chain = [certificate("leaf")]
      assert.strictEqual(yield* verdict(pins, TestTransport.presented("api.example.test", 443, [], chain)), "Verify")
      assert.strictEqual(
        yield* verdict(pins, TestTransport.presented("www.example.test", 443, [], chain)),
        "PinMismatch"
      )
    }))

  for (const name of ["https://api.test", "api.test:8443", "api.test/", "*", "", "a b.test", "*.*.test"]) {
    it.effect(`${JSON.stringify(name)} is no host: nobody is let in, and the refusal names it`, () =>
      Effect.gen(function*() {
        for (
          const evaluator of [
            ServerTrust.pinned({ [name]: gone }),
            ServerTrust.perHost({ [name]: ServerTrust.insecure() })
          ]
        ) {
          const one = yield* evaluator.judge?.(trusted) ?? Effect.succeed(ServerTrust.accept)
          assert.strictEqual(one._tag, "Reject")
          assert.include(one._tag === "Reject" ? one.detail : "", JSON.stringify(name))
        }
      }))
  }
})

describe("perHost (TRU-02)", () => {
  const saying = (detail: string) => ServerTrust.custom(() => Effect.succeed(ServerTrust.reject(detail)))
  const one = ServerTrust.perHost({
    "api.test": saying("exact"),
    "*.test": saying("below"),
    "*.deep.test": saying("deeper")
  }, saying("otherwise"))

  for (
    const [name, expected] of [
      ["api.test", "exact"],
      ["API.test.", "exact"],
      ["www.test", "below"],
      ["a.b.test", "below"],
      ["a.deep.test", "deeper"],
      ["deep.test", "below"],
      ["test", "otherwise"],
      ["atest", "otherwise"]
    ] as const
  ) {
    it.effect(`${name} is for ${expected}`, () =>
      Effect.gen(function*() {
        const said = yield* one.judge?.(TestTransport.presented(name, 443, [])) ?? Effect.succeed(ServerTrust.accept)
        assert.strictEqual(said._tag === "Reject" ? said.detail : said._tag, expected)
      }))
  }

  it("has the roots of the host, alone and in a composite", () => {
    const only = ServerTrust.perHost({ "a.test": ServerTrust.onlyRoots(["A"]) }, ServerTrust.additionalRoots(["B"]))
    assert.deepStrictEqual(ServerTrust.rootsOf(only, "a.test"), { _tag: "Only", pem: ["A"] })
    assert.deepStrictEqual(ServerTrust.rootsOf(only, "b.test"), { _tag: "Additional", pem: ["B"] })
    const both = ServerTrust.composite(only, ServerTrust.additionalRoots(["C"]))
    assert.deepStrictEqual(ServerTrust.rootsOf(both, "a.test"), { _tag: "Only", pem: ["A"] })
    assert.deepStrictEqual(ServerTrust.rootsOf(both, "b.test"), { _tag: "Additional", pem: ["B", "C"] })
    // the same value each time: contexts are found by it
    assert.strictEqual(ServerTrust.rootsOf(both, "b.test"), ServerTrust.rootsOf(both, "b.test"))
  })

  it.effect("what may not accept does not, whatever it answers", () => {
    const liar = ServerTrust.evaluator({ _tag: "System" }, () => Effect.succeed(ServerTrust.accept), {
      mayAccept: false
    })
    return Effect.gen(function*() {
      const hosts = ServerTrust.perHost({ "api.test": liar }, ServerTrust.insecure())
      assert.strictEqual(yield* verdict(hosts, untrusted), "Default")
      assert.isTrue(hosts.mayAccept)
    })
  })
})

describe("keySizes and weaknessOf", () => {
  it.effect("what cannot be read is too weak, also for a chain that is trusted", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* verdict(ServerTrust.keySizes(), trusted), "WeakKey")
      assert.isFalse(ServerTrust.keySizes().mayAccept)
    }))
})

describe("RetryWith", () => {
  const retrying = ServerTrust.custom(() => Effect.succeed(ServerTrust.retryWith({ _tag: "Only", pem: ["A", "B"] })))

  it.effect("keeps what the others of a composite promise", () =>
    Effect.gen(function*() {
      const both = ServerTrust.composite(ServerTrust.onlyRoots(["B", "C"]), retrying)
      const said = yield* both.judge?.(untrusted) ?? Effect.succeed(ServerTrust.accept)
      assert.deepStrictEqual(said, ServerTrust.retryWith({ _tag: "Only", pem: ["B"] }))
    }))

  it.effect("does not get past a rejection before it", () =>
    Effect.gen(function*() {
      const no = ServerTrust.custom(() => Effect.succeed(ServerTrust.reject("no", "Revoked")))
      assert.strictEqual(yield* verdict(ServerTrust.composite(no, retrying), untrusted), "Revoked")
    }))
})

describe("insecure", () => {
  it.effect("accepts everybody, and warns once", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel.label} ${String(message)}`)
    })
    return Effect.gen(function*() {
      const evaluator = ServerTrust.insecure()
      assert.strictEqual(yield* verdict(evaluator, untrusted), "Accept")
      assert.strictEqual(yield* verdict(evaluator, untrusted), "Accept")
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0] ?? "", /^WARN .*ServerTrust\.insecure/)
      assert.isTrue(evaluator.mayAccept)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
