import inspector from "node:inspector"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { load } from "./clients/ours.mjs"
import { startOrigin } from "./origin.mjs"
const o = await startOrigin()
const c = 64
const { NodeTransport, SessionConfiguration, UrlSession } = await load()
const rt = ManagedRuntime.make(UrlSession.layer(SessionConfiguration.make({ httpMaximumConnectionsPerHost: c })).pipe(Layer.provide(NodeTransport.layer)))
const s = await rt.runPromise(UrlSession.UrlSession)
const url = o.plain.origin + "/small"
const run = (n) => { let left = n; const w = Effect.whileLoop({ while: () => left-- > 0, body: () => s.data(url), step: () => {} }); return rt.runPromise(Effect.forEach(Array.from({length:c}), () => w, { concurrency: "unbounded", discard: true })) }
await run(20000)
const ses = new inspector.Session(); ses.connect()
const post = (m, p) => new Promise((r, j) => ses.post(m, p, (e, x) => e ? j(e) : r(x)))
await post("HeapProfiler.startSampling", { samplingInterval: 8192, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true })
const N = 40000
await run(N)
const { profile } = await post("HeapProfiler.stopSampling")
const m = new Map()
const walk = (n) => { const k = n.callFrame.functionName + " " + n.callFrame.url.split("/").slice(-2).join("/") + ":" + n.callFrame.lineNumber; m.set(k, (m.get(k) || 0) + n.selfSize); n.children.forEach(walk) }
walk(profile.head)
let t = 0; for (const v of m.values()) t += v
console.log("per request", (t/N).toFixed(0)); [...m].sort((a,b)=>b[1]-a[1]).slice(0,40).forEach(([k,v]) => console.log((v/N).toFixed(0).padStart(6), k))
await rt.dispose(); o.close()
