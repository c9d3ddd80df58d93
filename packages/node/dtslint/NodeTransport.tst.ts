// The same program on Node, which can judge a certificate.
import type { ClientIdentity, ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { SessionResponse } from "@urlsession/core/SessionResponse"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

const Delegate = ChallengeResolver.layer({
  Basic: ChallengeResolver.forSpace({ origin: "https://api.example.com" }, () => Effect.succeed(Disposition.cancel)),
  ServerTrust: ServerTrust.pinned({ "api.example.com": ["sha256/AAAA"] })
})

describe("a session on Node", () => {
  it("with a pin is complete", () => {
    const live: Layer.Layer<UrlSession.UrlSession> = UrlSession.layer(undefined, Delegate).pipe(
      Layer.provide(NodeTransport.layer)
    )
    expect(live).type.toBe<Layer.Layer<UrlSession.UrlSession>>()
    expect(NodeTransport.layer).type.toBeAssignableTo<Layer.Layer<Transport | ServerTrustControl>>()
  })

  it("with a client certificate is complete, at the level of the session and of a task (TRU-03)", () => {
    const identity = ChallengeResolver.make({ ClientCertificate: () => Effect.succeed(Disposition.next) })
    expect(UrlSession.layer(undefined, ChallengeResolver.layerFrom(identity)).pipe(Layer.provide(NodeTransport.layer)))
      .type.toBe<Layer.Layer<UrlSession.UrlSession>>()
    const task = Effect.asVoid(UrlSession.UrlSession).pipe(ChallengeResolver.provideTask(identity))
    expect(task).type.toBe<Effect.Effect<void, never, UrlSession.UrlSession | ClientIdentity>>()
    expect(Effect.provide(task, NodeSession.layer())).type.toBe<Effect.Effect<void>>()
  })

  const pinned = ChallengeResolver.make({ ServerTrust: ServerTrust.default })
  const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://api.example.com/me")).pipe(
    ChallengeResolver.provideTask(pinned)
  )
  type Outcome = readonly [Uint8Array, SessionResponse]

  it("does not give a capability to tasks once Layer.provide has swallowed it", () => {
    const swallowed = UrlSession.layer().pipe(Layer.provide(NodeTransport.layer))
    expect(Effect.provide(program, swallowed)).type.toBe<Effect.Effect<Outcome, ExchangeError, ServerTrustControl>>()
  })

  it("NodeSession.layer keeps the platform's services beside the session, so tasks find them", () => {
    expect(Effect.provide(program, NodeSession.layer(undefined, Delegate))).type.toBe<
      Effect.Effect<Outcome, ExchangeError>
    >()
  })
})
