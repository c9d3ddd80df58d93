// A chain at another time needs what the evaluator inside needs.
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as NodeServerTrust from "@urlsession/node/NodeServerTrust"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

class Pins extends Context.Tag("Pins")<Pins, ReadonlySet<string>>() {}

const byService = ServerTrust.custom(() => Effect.as(Pins, ServerTrust.performDefault))

describe("evaluators of Node", () => {
  it("revocation needs nothing", () => {
    expect(NodeServerTrust.revocation({ required: "leaf", clockSkew: "1 minute" })).type.toBe<ServerTrust.Evaluator>()
    expect(NodeServerTrust.revocation).type.not.toBeCallableWith({ required: "some" })
  })

  it("what is judged at another time keeps its requirements", () => {
    expect(byService.pipe(NodeServerTrust.allowExpired("14 days"))).type.toBe<ServerTrust.Evaluator<Pins>>()
    expect(byService.pipe(NodeServerTrust.validatedAt(new Date(0)))).type.toBe<ServerTrust.Evaluator<Pins>>()
    expect(ServerTrust.default.pipe(NodeServerTrust.allowExpired(0))).type.toBe<ServerTrust.Evaluator>()
  })
})
