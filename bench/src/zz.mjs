import { work } from "./scale.mjs"
import { startOrigin } from "./origin.mjs"
const o = await startOrigin()
const r = await work({ port: new URL(o.plain.origin).port, rounds: 9, requests: 8192 })
const med = a => [...a].sort((x,y)=>x-y)[a.length>>1]
for (const [k,v] of Object.entries(r)) console.log(k, med(v).toFixed(1))
o.close()
