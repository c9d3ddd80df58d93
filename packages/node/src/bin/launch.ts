/** A process that is the command: its signals, its outputs, its exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Demo, run } from "./command.ts"
import { processOutputs } from "./screen.ts"

/** Runs the command with this process's arguments, then ends the process. */
export const launch = (demo?: Demo): void => {
  let code = 1
  let unheard = false
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {
      // whoever read this has gone (`| head`): end as by Ctrl-C, so that what is open is closed and removed
      if (!unheard) process.emit("SIGINT")
      unheard = true
    })
  }
  const program = Effect.map(run(process.argv.slice(2), processOutputs(), demo), (given) => {
    code = given
  })
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    // shells know 130 as the end by Ctrl-C, and 141 as that by a closed pipe
    teardown: (exit, done) => {
      const interrupted = Exit.isInterrupted(exit)
      // the bar may be in the middle of a line, where the shell would go on
      if (interrupted && process.stdout.isTTY) process.stdout.write("\n")
      done(unheard ? 141 : interrupted ? 130 : code)
    }
  })
}
