/** The origin as a process of its own: tells its parent the target, and ends with it. */
import * as Effect from "effect/Effect"
import { defaultSize, make } from "./origin.ts"

// tests download less
const mebibytes = Number(process.env["URLSESSION_DEMO_MIB"] ?? "64")
const bytes = Math.round((Number.isFinite(mebibytes) && mebibytes > 0 ? mebibytes : 64) * 1024 * 1024)
const resetAfter = Math.round(bytes * (defaultSize.resetAfter / defaultSize.bytes))

const parentGone = Effect.async<void>((resume) => {
  process.once("disconnect", () => resume(Effect.void))
})

make({ bytes, resetAfter }).pipe(
  Effect.tap((target) => Effect.sync(() => process.send?.(target))),
  Effect.zipRight(parentGone),
  Effect.scoped,
  Effect.runPromise
).then(() => process.exit(0), (error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : "the origin failed"}\n`)
  process.exit(1)
})
