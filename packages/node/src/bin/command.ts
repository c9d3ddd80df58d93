/** The `urlsession` command: options to a run, a run to an exit code. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import type * as FileSystem from "@effect/platform/FileSystem"
import type { SessionError } from "@urlsession/core/SessionError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { config, plan, separated, UsageError } from "./options.ts"
import { describe, hint } from "./report.ts"
import { make, type Output, type Outputs, processOutputs, Screen } from "./screen.ts"
import { transfer } from "./transfer.ts"

/** What is done without a URL. */
export interface Demo {
  /** For `--help`. */
  readonly description: string
  /** `output`: where the user wants the file. */
  readonly run: (
    output: string | undefined
  ) => Effect.Effect<void, SessionError | UsageError, Screen | FileSystem.FileSystem>
}

const noUrl = Effect.fail(new UsageError({ message: "give a URL to download; see --help" }))

const command = (outputs: Outputs, demo: Demo | undefined) =>
  Command.make(
    "urlsession",
    config(demo?.description ?? "It must be there."),
    (given) =>
      Effect.flatMap(plan(given), (planned) =>
        planned === undefined
          ? demo?.run(Option.getOrUndefined(given.output)) ?? noUrl
          : transfer(planned)).pipe(Effect.provideService(Screen, make(outputs, given.json)))
  ).pipe(
    Command.withDescription(
      "Downloads over a session of its own: server trust and pins, challenges, redirects, retries, and where the time went."
    )
  )

const complaint = (error: SessionError | UsageError): string => {
  if (error._tag === "UsageError") return error.message
  const more = hint(error)
  return more === undefined ? describe(error) : `${describe(error)}\n            ${more}`
}

const colour = /\u001b\[[0-9;]*m/g
/** What the parser says of every option that takes a word. */
const noise = new Set(["A user-defined piece of text.", "A true or false value.", "This setting is optional."])

/** The parser's own texts without what says nothing, without colours where there is no terminal, and without wide gaps. */
export const tidy = (text: string, isTerminal: boolean): string =>
  (isTerminal ? text : text.replace(colour, ""))
    .split("\n")
    .filter((line) => !noise.has(line.trim()))
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    // an option, then what it means right below it
    .replace(/\n\n {2}(?=\S)/g, "\n  ")
    .trim()

/** Help goes to standard output, complaints of the parser to standard error. */
const throughOutputs = (outputs: Outputs) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const to = (output: Output) => (...words: ReadonlyArray<unknown>) =>
    Effect.sync(() => output.write(`${tidy(words.join(" "), output.isTerminal)}\n`))
  return Effect.flatMap(
    Effect.console,
    (console) => Effect.withConsole(effect, { ...console, log: to(outputs.stdout), error: to(outputs.stderr) })
  )
}

/** Runs the command with the words after the program's name; gives its exit code. */
export const run = (
  words: ReadonlyArray<string>,
  outputs: Outputs = processOutputs(),
  demo?: Demo
): Effect.Effect<number> =>
  Command.run(command(outputs, demo), { name: "urlsession", version: "0.0.0" })(["", "", ...separated(words)]).pipe(
    Effect.as(0),
    Effect.catchAllCause((cause) => {
      if (Cause.isInterruptedOnly(cause)) return Effect.succeed(130)
      return Effect.sync(() => {
        const text = Option.match(Cause.failureOption(cause), {
          onNone: () => Cause.pretty(cause),
          // the parser has printed its own complaints
          onSome: (error) => ValidationError.isValidationError(error) ? undefined : complaint(error)
        })
        if (text !== undefined) outputs.stderr.write(`urlsession: ${text}\n`)
        return 1
      })
    }),
    throughOutputs(outputs),
    Effect.provide(
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        CliConfig.layer({ showBuiltIns: false, showTypes: false })
      )
    )
  )
