import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { load } from "./clients/ours.mjs"
import { undiciRequest } from "./clients/undici.mjs"
import { startOrigin } from "./origin.mjs"
const o = await startOrigin()
const c = Number(process.argv[2])
const { NodeTransport, SessionConfiguration, UrlSession } = await load()
const rt = ManagedRuntime.make(UrlSession.layer(SessionConfiguration.make({ httpMaximumConnectionsPerHost: c })).pipe(Layer.provide(NodeTransport.layer)))
const s = await rt.runPromise(UrlSession.UrlSession)
const url = o.plain.origin + "/small"
const run = (n) => { let left = n; const w = Effect.whileLoop({ while: () => left-- > 0, body: () => s.data(url), step: () => {} }); return rt.runPromise(Effect.forEach(Array.from({length:c}), () => w, { concurrency: "unbounded", discard: true })) }
const u = await undiciRequest.open(o.plain, c)
await run(20000); await u.get(20000, c)
for (let i = 0; i < 5; i++) {
  let b = process.cpuUsage(); await run(40000); let x = process.cpuUsage(b)
  let b2 = process.cpuUsage(); if (process.argv[3]) await u.get(40000, c); let y = process.cpuUsage(b2)
  console.log(c, "ours user", (x.user/40000).toFixed(1), "sys", (x.system/40000).toFixed(1), "undici user", (y.user/40000).toFixed(1), "sys", (y.system/40000).toFixed(1))
}
await rt.dispose(); await u.close(); o.close()
