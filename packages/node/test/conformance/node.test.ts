// The transport of Node, on a server of Node's own `node:http`, and on the same over TLS.
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
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

conformance({
  subject: "node over TLS",
  layer: Layer.provideMerge(trusting, Layer.merge(servedSecurely, NodeSession.services))
})
