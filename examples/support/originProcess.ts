/** Starts the origin in a process of its own, so that what a client has open can be told from what a server has. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork } from "node:child_process"
import { OriginError, type Target } from "../origin.ts"

const Pin = Schema.TemplateLiteral("sha256/", Schema.String)

const Message: Schema.Schema<Target> = Schema.Struct({
  url: Schema.String,
  origin: Schema.String,
  ca: Schema.String,
  pin: Pin,
  user: Schema.String,
  password: Schema.String,
  sha256: Schema.String,
  bytes: Schema.Number
})

const spawned = Effect.sync(() =>
  fork(new URL("../serveOrigin.js", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] })
)

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    if (child.connected) child.disconnect()
  })

const firstMessage = (child: ChildProcess): Effect.Effect<unknown, OriginError> =>
  Effect.async((resume) => {
    child.once("message", (message) => resume(Effect.succeed(message)))
    child.once("error", (cause) => resume(Effect.fail(new OriginError({ cause }))))
    child.once("exit", (code) => resume(Effect.fail(new OriginError({ cause: `it ended with ${code}` }))))
  })

/** The running origin's target; the process ends with the scope. */
export const make: Effect.Effect<Target, OriginError, Scope.Scope> = Effect.acquireRelease(spawned, ended).pipe(
  Effect.flatMap(firstMessage),
  Effect.flatMap((message) =>
    Effect.mapError(Schema.decodeUnknown(Message)(message), (cause) => new OriginError({ cause }))
  )
)
