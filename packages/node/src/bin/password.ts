/** Where a password comes from when it is not on the command line: the environment, else standard input. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as readline from "node:readline"
import { Writable } from "node:stream"
import { UsageError } from "./options.ts"

const variable = "URLSESSION_PASSWORD"

const noPassword = (name: string) =>
  new UsageError({ message: `no password for ${name}: set ${variable}, or write it to standard input` })

/** The first line of standard input; on a terminal it is asked for and not shown. */
const firstLine = (name: string): Effect.Effect<string, UsageError> =>
  Effect.async((resume) => {
    const { stderr, stdin } = process
    const isTerminal = stdin.isTTY === true
    // a terminal interface echoes what is typed to its output: this one goes nowhere
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
    const lines = readline.createInterface({ input: stdin, output: nowhere, terminal: isTerminal })
    if (isTerminal) stderr.write(`password of ${name}: `)
    const end = (result: Effect.Effect<string, UsageError>) => {
      lines.removeAllListeners()
      lines.close()
      // an input that was read once keeps the process alive until it is let go
      stdin.unref()
      if (isTerminal) stderr.write("\n")
      resume(result)
    }
    lines.once("line", (line) => end(Effect.succeed(line)))
    lines.once("SIGINT", () => end(Effect.interrupt))
    lines.once("close", () => end(Effect.fail(noPassword(name))))
    return Effect.sync(() => lines.close())
  })

/** The password of a user. */
export const read = (name: string): Effect.Effect<Redacted.Redacted, UsageError> =>
  Effect.flatMap(
    Effect.option(Config.redacted(variable)),
    Option.match({
      onNone: () => Effect.map(firstLine(name), (line) => Redacted.make(line)),
      onSome: (given) => Effect.succeed(given)
    })
  )
