/** A process that is the command: its signals, its outputs, its exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Demo, run } from "./command.ts"
import { processOutputs } from "./screen.ts"

/** Runs the command with this process's arguments, then ends the process. */
export const launch = (demo?: Demo): void => {
  for (const stream of [process.stdout, process.stderr]) {
    // whoever reads us has gone (`| head`): there is nobody left to say anything to
    stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
  }
  let code = 1
  const program = Effect.map(run(process.argv.slice(2), processOutputs(), demo), (given) => {
    code = given
  })
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    // an interrupted run has no code of its own; a shell knows 130 as the end by Ctrl-C
    teardown: (exit, done) => {
      const interrupted = Exit.isInterrupted(exit)
      // the bar may be in the middle of a line, where the shell would go on
      if (interrupted && process.stdout.isTTY) process.stdout.write("\n")
      done(interrupted ? 130 : code)
    }
  })
}
