// The scripted transport, on an origin that answers as the server does.
import * as NodeContentCodings from "@urlsession/node/NodeContentCodings"
import * as Layer from "effect/Layer"
import { conformance } from "../../../core/test/conformance/suite.ts"
import { scripted } from "./origins.ts"

conformance({ subject: "scripted", layer: Layer.merge(scripted, NodeContentCodings.layer) })
