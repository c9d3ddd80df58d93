/**
 * Asks for users and passwords on the terminal. What is typed for a password is not shown, and the terminal is as it was
 * afterwards, however the question ends.
 *
 * @since 0.1.0
 */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { BadArgument, type PlatformError } from "@effect/platform/Error"
import * as Terminal from "@effect/platform/Terminal"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeQueue from "@urlsession/core/ChallengeQueue"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import type { SpacePattern } from "@urlsession/core/ProtectionSpace"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import { isPrintable, printable } from "./internal/printable.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Asks for these spaces alone; for every one unless said, since a human sees which it is. */
  readonly spaces?: SpacePattern
  /** Of what is entered; `session` unless said. */
  readonly persistence?: Credential.Persistence
  /** After so many refused answers the 401 is the result; 3. */
  readonly attempts?: number
}

type Line =
  | { readonly _tag: "Entered"; readonly text: string }
  | { readonly _tag: "Cancelled" }
  | { readonly _tag: "Ended" }

// a process has one terminal
const inTurn = Effect.unsafeMakeSemaphore(1).withPermits(1)

/** The lines above the question. */
const introduction = ({ crossOrigin, previousFailureCount, space }: AuthenticationChallenge): string => {
  const realm = space.realm === undefined || space.realm === "" ? "" : `, for "${printable(space.realm)}"`
  const insecure = !space.receivesCredentialSecurely && !TransportSecurity.isLoopback(space.host)
  return [
    previousFailureCount > 0 ? "That was not accepted." : undefined,
    `${space.isProxy ? "The proxy " : ""}${printable(space.origin)} asks who you are${realm} (${
      printable(space.method)
    }).`,
    crossOrigin ? "A redirect has led here: it is not the server that the request was made for." : undefined,
    insecure ? "The connection is not encrypted: everybody on the way can read the password." : undefined
  ].flatMap((line) => line === undefined ? [] : [`${line}\n`]).join("")
}

const readLine = (
  terminal: Terminal.Terminal,
  input: Mailbox.ReadonlyMailbox<Terminal.UserInput>,
  shown: boolean
): Effect.Effect<Line, PlatformError> => {
  const typed: Array<string> = []
  const show = (text: string) => shown ? terminal.display(text) : Effect.void
  const ended = (line: Line) => Effect.as(terminal.display("\n"), line)
  const loop: Effect.Effect<Line, PlatformError> = Effect.flatMap(
    Effect.option(input.take),
    (taken): Effect.Effect<Line, PlatformError> => {
      if (Option.isNone(taken)) return ended({ _tag: "Cancelled" })
      const { input: character, key } = taken.value
      if (key.name === "return" || key.name === "enter") return ended({ _tag: "Entered", text: typed.join("") })
      if (key.ctrl && key.name === "c") return ended({ _tag: "Cancelled" })
      if (key.ctrl && key.name === "d") return ended({ _tag: "Ended" })
      if (key.name === "backspace") {
        return Effect.zipRight(typed.pop() === undefined ? Effect.void : show("\b \b"), loop)
      }
      if (key.ctrl && key.name === "u") {
        const erased = "\b \b".repeat(typed.length)
        typed.length = 0
        return Effect.zipRight(show(erased), loop)
      }
      const text = Option.getOrElse(character, () => "")
      if (key.ctrl || key.meta || !isPrintable(text)) return loop
      typed.push(text)
      return Effect.zipRight(show(text), loop)
    }
  )
  return loop
}

const ask = (
  challenge: AuthenticationChallenge,
  terminal: Terminal.Terminal,
  persistence: Credential.Persistence
): Effect.Effect<Disposition.Disposition, PlatformError> =>
  Effect.scoped(Effect.gen(function*() {
    const proposed = Option.map(challenge.proposedCredential, ({ user }) => user)
    yield* terminal.display(introduction(challenge))
    // from here on nothing that is typed is echoed by the terminal itself
    const input = yield* terminal.readInput
    yield* terminal.display(
      Option.match(proposed, { onNone: () => "User: ", onSome: (user) => `User [${printable(user)}]: ` })
    )
    const first = yield* readLine(terminal, input, true)
    if (first._tag === "Cancelled") return Disposition.cancel
    const user = first._tag === "Entered" && first.text !== "" ? Option.some(first.text) : proposed
    if (first._tag === "Ended" || Option.isNone(user)) return Disposition.useNone
    yield* terminal.display("Password: ")
    const second = yield* readLine(terminal, input, false)
    if (second._tag === "Cancelled") return Disposition.cancel
    if (second._tag === "Ended") return Disposition.useNone
    return Disposition.use(Credential.password({ user: user.value, password: second.text, persistence }))
  }))

/**
 * Asks a human for Basic and Digest: shows who asks and why that may be wrong, without the control characters that a server
 * could put into a realm. Ctrl-C gives the request up (`Disposition.cancel`), Ctrl-D and an empty user go on without a credential.
 * Where there is no terminal it has nothing to say (`Disposition.next`), and what comes after it answers.
 *
 * Questions come one after the other. Tasks that ask the same at the same time are asked once (`ChallengeQueue.shared`); a task
 * that is cancelled ends its question.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): ChallengeResolver.Resolver<Terminal.Terminal> => {
  const answer = ChallengeQueue.shared((challenge) =>
    Effect.flatMap(Terminal.Terminal, (terminal) =>
      Effect.flatMap(terminal.isTTY, (isTerminal) => {
        if (!isTerminal) return Effect.succeed(Disposition.next)
        if (challenge.previousFailureCount >= (options.attempts ?? 3)) return Effect.succeed(Disposition.useNone)
        return inTurn(ask(challenge, terminal, options.persistence ?? "session"))
      }))
  )
  const entry = options.spaces === undefined
    ? ChallengeResolver.anyOrigin(answer)
    : ChallengeResolver.forSpace(options.spaces, answer)
  return ChallengeResolver.make({ Basic: entry, Digest: entry })
}

/**
 * The terminal of the process, with questions on standard error, so that they do not mix with a program's output. It is one only
 * where standard input is a terminal too.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTerminal: Layer.Layer<Terminal.Terminal> = Layer.map(NodeTerminal.layer, (context) => {
  const terminal = Context.get(context, Terminal.Terminal)
  const own: Terminal.Terminal = {
    ...terminal,
    isTTY: Effect.sync(() => process.stdin.isTTY === true && process.stderr.isTTY === true),
    display: (text) =>
      Effect.async<void, PlatformError>((resume) => {
        process.stderr.write(text, (cause) =>
          resume(
            cause === null || cause === undefined
              ? Effect.void
              : Effect.fail(
                new BadArgument({
                  module: "Terminal",
                  method: "display",
                  description: "the terminal takes no output",
                  cause
                })
              )
          ))
      })
  }
  return Context.make(Terminal.Terminal, own)
})

/**
 * The session's resolver, on the terminal of the process.
 *
 * @example
 * ```ts
 * import { UrlSession } from "@urlsession/core"
 * import { NodePrompt, NodeTransport } from "@urlsession/node"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://api.example.com/")).pipe(
 *   Effect.provide(UrlSession.layer(undefined, NodePrompt.layer()).pipe(Layer.provide(NodeTransport.layer)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<ChallengeResolver.ChallengeResolver> =>
  Layer.provide(ChallengeResolver.layerFrom(make(options)), layerTerminal)
