// The transport of Node, on a server of Node's own `node:http`.
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Layer from "effect/Layer"
import { conformance } from "../../../core/test/conformance/suite.ts"
import { served } from "./origins.ts"

conformance({ subject: "node", layer: Layer.merge(served, NodeSession.services) })
