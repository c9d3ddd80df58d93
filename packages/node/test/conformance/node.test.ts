// The transport of Node on servers of Node's own: over TCP, over TLS, and over HTTP/2.
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { type AlpnProtocol, Transport } from "@urlsession/core/Transport"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { conformance } from "../../../core/test/conformance/suite.ts"
import { Running, served, servedSecurely } from "./origins.ts"

conformance({ subject: "node", layer: Layer.merge(served, NodeSession.services) })

// the session level of every session of the suite: its challenges are answered by tasks
const trusting = Layer.unwrapEffect(
  Effect.map(Running, ({ root }) => ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root]) }))
)

const offering = (...alpnProtocols: ReadonlyArray<AlpnProtocol>) =>
  Layer.provideMerge(
    Layer.effect(
      Transport,
      Effect.map(Transport, (transport) => ({
        ...transport,
        open: (options) => transport.open({ ...options, alpnProtocols })
      }))
    ),
    NodeSession.services
  )

conformance({
  subject: "node over TLS",
  layer: Layer.provideMerge(trusting, Layer.merge(servedSecurely, offering("http/1.1")))
})

conformance({
  subject: "node over HTTP/2",
  layer: Layer.provideMerge(trusting, Layer.merge(servedSecurely, offering("h2")))
})
