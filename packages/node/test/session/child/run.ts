/** Runs a program of this folder in a process of its own. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Runs it to its end; interruption kills it. */
export const run = (
  name: string,
  parameters: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Ended> =>
  Effect.async((resume) => {
    const child = spawn(
      process.execPath,
      ["--conditions=@urlsession/source", "--import", pathOf("register.mjs"), pathOf(name), ...parameters],
      { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] }
    )
    let output = ""
    let errors = ""
    child.stdout.on("data", (data: Buffer) => output += data.toString())
    child.stderr.on("data", (data: Buffer) => errors += data.toString())
    child.on("close", (code) => resume(Effect.succeed({ code, output: output.trim(), errors })))
    return Effect.sync(() => child.kill())
  })
