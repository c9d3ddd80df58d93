// The fetch transport on the `fetch` of Node: what it says of a runtime that is no browser.
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import * as Layer from "effect/Layer"
import { conformance } from "../../../core/test/conformance/suite.ts"
import { served } from "./origins.ts"

conformance({ subject: "fetch of Node", layer: Layer.merge(served, FetchTransport.layer) })

conformance({
  subject: "fetch of Node, streaming",
  layer: Layer.merge(served, FetchTransport.layerWith({ uploads: "streamed" }))
})
