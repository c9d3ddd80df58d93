// What evaluators need, alone and together.
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

class Pins extends Context.Tag("Pins")<Pins, ReadonlySet<string>>() {}
class Audit extends Context.Tag("Audit")<Audit, string>() {}

const byService = ServerTrust.custom((trust) =>
  Effect.map(Pins, (pins) => pins.has(trust.host) ? ServerTrust.accept : ServerTrust.reject("not known"))
)

describe("evaluators", () => {
  it("the named ones need nothing", () => {
    expect(ServerTrust.default).type.toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.pinned({ "api.example.com": ["sha256/x"] })).type.toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.pinnedCertificates({ "api.example.com": ["pem"] })).type.toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.additionalRoots(["pem"])).type.toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.onlyRoots(["pem"])).type.toBe<ServerTrust.Evaluator>()
  })

  it("custom needs what its function needs, however it fails", () => {
    expect(byService).type.toBe<ServerTrust.Evaluator<Pins>>()
    expect(ServerTrust.custom(() => Effect.fail("e"))).type.toBe<ServerTrust.Evaluator>()
  })

  it("composite needs what its parts need", () => {
    const audited = ServerTrust.custom(() => Effect.as(Audit, ServerTrust.performDefault))
    expect(ServerTrust.composite(ServerTrust.default, byService, audited)).type.toBe<
      ServerTrust.Evaluator<Pins | Audit>
    >()
    expect(ServerTrust.composite(ServerTrust.default)).type.toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.composite()).type.toBe<ServerTrust.Evaluator>()
  })

  it("perHost needs what its hosts need, and what decides on all others", () => {
    const audited = ServerTrust.custom(() => Effect.as(Audit, ServerTrust.performDefault))
    expect(ServerTrust.perHost({ "a.test": byService, "b.test": ServerTrust.default })).type.toBe<
      ServerTrust.Evaluator<Pins>
    >()
    expect(ServerTrust.perHost({ "a.test": byService }, audited)).type.toBe<ServerTrust.Evaluator<Pins | Audit>>()
    expect(ServerTrust.perHost({ "a.test": ServerTrust.keySizes() }, ServerTrust.insecure())).type.toBe<
      ServerTrust.Evaluator
    >()
  })

  it("pins may have backups and an end", () => {
    expect(ServerTrust.pinned({ "a.test": { pins: ["sha256/x"], backups: ["sha256/y"], expires: new Date(0) } })).type
      .toBe<ServerTrust.Evaluator>()
    expect(ServerTrust.pinned).type.not.toBeCallableWith({ "a.test": { pins: ["x"] } })
    expect(ServerTrust.pinned).type.not.toBeCallableWith({ "a.test": { backups: ["sha256/x"] } })
  })

  it("a pin says how it was made", () => {
    expect(ServerTrust.pinned).type.not.toBeCallableWith({ "api.example.com": ["x"] })
    expect(ServerTrust.pinned).type.not.toBeCallableWith({ "api.example.com": "sha256/x" })
  })

  it("a function must give a verdict", () => {
    expect(ServerTrust.custom(() => Effect.succeed(true))).type.toRaiseError(
      "Type 'boolean' is not assignable to type 'Verdict'"
    )
  })
})
