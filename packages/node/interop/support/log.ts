/** Access logs: servers write a line after the response has been sent, so that a line may come after the response. */
import * as Effect from "effect/Effect"
import { existsSync, readFileSync, watch } from "node:fs"

const linesOf = (path: string): ReadonlyArray<string> =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []

/** The lines of a log as soon as the condition holds for them. */
export const linesWhen = (
  path: string,
  condition: (lines: ReadonlyArray<string>) => boolean
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.async((resume) => {
    const watcher = watch(path, () => look())
    const look = () => {
      const lines = linesOf(path)
      if (!condition(lines)) return
      watcher.close()
      resume(Effect.succeed(lines))
    }
    look()
    return Effect.sync(() => watcher.close())
  })

/** Status and path of every line of the access log, in the order in which they were written. */
export const visits = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.map((line) => line.split(" ")).map((words) => `${words[words.length - 1]} ${words[words.length - 2]}`)
