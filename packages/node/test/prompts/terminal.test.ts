// Passwords asked for on a terminal: a scripted one, and a real one where the system has script(1).
import * as Terminal from "@effect/platform/Terminal"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as Credential from "@urlsession/core/Credential"
import type * as Disposition from "@urlsession/core/Disposition"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as NodePrompt from "@urlsession/node/NodePrompt"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { spawn, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"

const settle = TestClock.adjust(0)

const challenge = (more: Partial<AuthenticationChallenge> = {}, origin = "https://api.test", realm = "api") => {
  const url = new URL(origin)
  const port = url.protocol === "https:" ? 443 : 80
  return {
    space: ProtectionSpace.make({
      host: url.hostname,
      port,
      protocol: url.protocol.slice(0, -1),
      method: "Basic",
      realm
    }),
    previousFailureCount: 0,
    proposedCredential: Option.none(),
    failureResponse: Option.none(),
    crossOrigin: false,
    taskIdentifier: 1,
    ...more
  }
}

/** A terminal that notes what it shows and whether it is read from. */
class Scripted {
  shown = ""
  reading = 0
  opened = 0
  isTerminal = true
  readonly #input: Mailbox.Mailbox<Terminal.UserInput>
  constructor(input: Mailbox.Mailbox<Terminal.UserInput>) {
    this.#input = input
  }
  readonly type = (text: string) =>
    Effect.zipRight(
      Effect.forEach([...text], (one) => {
        const ctrl = one === "\u0003" || one === "\u0004" || one === "\u0015"
        const name = one === "\r"
          ? "return"
          : one === "\u007f"
          ? "backspace"
          : ctrl
          ? String.fromCharCode(one.charCodeAt(0) + 96)
          : one
        return this.#input.offer({ input: Option.some(one), key: { name, ctrl, meta: false, shift: false } })
      }, { discard: true }),
      settle
    )
  readonly terminal: Terminal.Terminal = {
    columns: Effect.succeed(80),
    rows: Effect.succeed(25),
    isTTY: Effect.sync(() => this.isTerminal),
    readInput: Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => {
          this.reading++
          this.opened++
        }),
        () => Effect.sync(() => this.reading--)
      ),
      undefined
    ).pipe(Effect.map(() => this.#input)),
    readLine: Effect.never,
    display: (text) =>
      Effect.sync(() => {
        this.shown += text
      })
  }
}

const asking = (
  resolver: ReturnType<typeof NodePrompt.make>,
  terminal: Scripted,
  one: AuthenticationChallenge
) =>
  Effect.tap(
    Effect.fork(Effect.provideService(resolver.answer(one), Terminal.Terminal, terminal.terminal)),
    () => settle
  )
const scripted = Effect.map(Mailbox.make<Terminal.UserInput>(), (input) => new Scripted(input))

/** What is answered where this is typed, and what is shown meanwhile. */
const typing = (text: string, one: AuthenticationChallenge = challenge(), options?: NodePrompt.Options) =>
  Effect.gen(function*() {
    const terminal = yield* scripted
    const fiber = yield* asking(NodePrompt.make(options), terminal, one)
    yield* terminal.type(text)
    const answer = yield* Fiber.join(fiber)
    assert.strictEqual(terminal.reading, 0)
    return { answer, shown: terminal.shown }
  })

const passwordOf = (answer: Disposition.Disposition) =>
  answer._tag === "UseCredential" ? [answer.credential.user, Redacted.value(answer.credential.password)] : answer._tag

describe("a question on the terminal", () => {
  it.scoped("takes a user and a password, and does not show the password", () =>
    Effect.gen(function*() {
      const { answer, shown } = yield* typing("ada\rlovelace\r")
      assert.deepStrictEqual(passwordOf(answer), ["ada", "lovelace"])
      assert.strictEqual(
        shown,
        "https://api.test asks who you are, for \"api\" (Basic).\nUser: ada\nPassword: \n"
      )
      assert.notInclude(inspect(answer, { depth: 9 }), "lovelace")
    }))

  it.scoped("can be corrected", () =>
    Effect.gen(function*() {
      const { answer, shown } = yield* typing("\u007fxy\u0015adb\u007fa\rlo\u0015\u007flove\u007fe\u001b\u0000\r")
      assert.deepStrictEqual(passwordOf(answer), ["ada", "love"])
      assert.include(shown, "xy\b \b\b \badb\b \ba\n")
    }))

  it.scoped("proposes the user that failed, and says so", () =>
    Effect.gen(function*() {
      const failed = Credential.password({ user: "ada", password: "guess" })
      const one = challenge({ previousFailureCount: 1, proposedCredential: Option.some(failed) })
      const { answer, shown } = yield* typing("\rlovelace\r", one, { persistence: "permanent" })
      assert.deepStrictEqual(passwordOf(answer), ["ada", "lovelace"])
      assert.isTrue(answer._tag === "UseCredential" && answer.credential.persistence === "permanent")
      assert.include(shown, "That was not accepted.")
      assert.include(shown, "User [ada]: ")
      assert.notInclude(shown, "guess")
    }))

  it.scoped("says that a redirect led here, and that the connection is not encrypted", () =>
    Effect.gen(function*() {
      const { shown } = yield* typing("\u0003", challenge({ crossOrigin: true }, "http://api.test"))
      assert.include(shown, "A redirect has led here")
      assert.include(shown, "not encrypted")
      const local = yield* typing("\u0003", challenge({}, "http://127.0.0.1"))
      assert.notInclude(local.shown, "not encrypted")
    }))

  it.scoped("shows no control character of a realm, and not all of a long one", () =>
    Effect.gen(function*() {
      const realm = `\u001b[2J\u009b31mapi\r\nhttps://bank.test asks\u202e\u2028\ud800${"x".repeat(500)}`
      const { shown } = yield* typing("\u0003", challenge({}, "https://api.test", realm))

      assert.notMatch(shown.replaceAll("\n", ""), /[\u0000-\u001f\u007f-\u009f\u202e\u2028]|\ud800/)
      assert.strictEqual(shown.split("\n").length, 3)
      assert.include(shown, "[2J31mapihttps://bank.test asksxxx")
      assert.notInclude(shown, "x".repeat(129))
    }))

  for (
    const [name, typed, expected] of [
      ["Ctrl-C at the user", "ad\u0003", "CancelChallenge"],
      ["Ctrl-C at the password", "ada\rlo\u0003", "CancelChallenge"],
      ["Ctrl-D at the user", "\u0004", "UseNone"],
      ["Ctrl-D at the password", "ada\r\u0004", "UseNone"],
      ["no user", "\r", "UseNone"]
    ] as const
  ) {
    it.scoped(`${name} is ${expected}`, () =>
      Effect.map(typing(typed), ({ answer }) => assert.strictEqual(answer._tag, expected)))
  }

  it.scoped("is not asked without a terminal, too often, or for other spaces", () =>
    Effect.gen(function*() {
      const terminal = yield* scripted
      const answered = (options: NodePrompt.Options, one: AuthenticationChallenge) =>
        Effect.map(
          Effect.flatMap(asking(NodePrompt.make(options), terminal, one), Fiber.join),
          ({ _tag }) => _tag
        )
      assert.strictEqual(yield* answered({}, challenge({ previousFailureCount: 3 })), "UseNone")
      assert.strictEqual(yield* answered({ attempts: 1 }, challenge({ previousFailureCount: 1 })), "UseNone")
      assert.strictEqual(yield* answered({ spaces: { origin: "https://other.test" } }, challenge()), "Next")
      terminal.isTerminal = false
      assert.strictEqual(yield* answered({}, challenge()), "Next")
      assert.strictEqual(terminal.shown, "")
    }))

  it.scoped("is ended by its task, and the terminal is let go", () =>
    Effect.gen(function*() {
      const terminal = yield* scripted
      const fiber = yield* asking(NodePrompt.make(), terminal, challenge())
      yield* terminal.type("ada\rlo")
      assert.strictEqual(terminal.reading, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(terminal.reading, 0)
    }))

  it.scoped("waits for its turn, and is asked once for tasks that ask the same", () =>
    Effect.gen(function*() {
      const terminal = yield* scripted
      const resolver = NodePrompt.make()
      const first = yield* asking(resolver, terminal, challenge())
      const second = yield* asking(resolver, terminal, challenge({}, "https://other.test"))
      const third = yield* asking(resolver, terminal, challenge({ taskIdentifier: 2 }))
      assert.notInclude(terminal.shown, "other.test")
      yield* terminal.type("ada\rlovelace\r")
      assert.strictEqual(yield* Fiber.join(first), yield* Fiber.join(third))
      assert.strictEqual(terminal.reading, 1)
      yield* terminal.type("bob\rbuilder\r")
      assert.deepStrictEqual(passwordOf(yield* Fiber.join(second)), ["bob", "builder"])
      assert.strictEqual(terminal.opened, 2)
    }))
})

const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0
if (!hasScript) {
  process.stderr.write("SKIPPED: the prompt on a real terminal, since there is no script(1) of util-linux\n")
}

describe.skipIf(!hasScript)("a real terminal", () => {
  const child = fileURLToPath(new URL("../session/child/", import.meta.url))
  /** Runs the program on a terminal of its own, types what belongs to each prompt, and shows the terminal's settings after it. */
  const on = (how: string, answers: ReadonlyArray<readonly [prompt: string, typed: string]>) =>
    Effect.async<string>((resume) => {
      const command = `'${process.execPath}' --conditions=@urlsession/source --import '${child}register.mjs' ` +
        `'${child}prompt.ts' ${how}; stty -a`
      const process_ = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] })
      const left = [...answers]
      let output = ""
      let from = 0
      process_.stdout.on("data", (data: Buffer) => {
        output += data.toString()
        for (let next = left[0]; next !== undefined; next = left[0]) {
          const at = output.indexOf(next[0], from)
          if (at < 0) return
          from = at + next[0].length
          process_.stdin.write(next[1])
          left.shift()
        }
      })
      process_.on("close", () => resume(Effect.succeed(output)))
      return Effect.sync(() => process_.kill())
    })
  const isRestored = (output: string) => {
    assert.match(output, /[ ;]icanon/)
    assert.match(output, / echo /)
  }

  it.live("shows no password, and is as it was", () =>
    Effect.gen(function*() {
      const output = yield* on("answer", [["User: ", "ada\r"], ["Password: ", "lovelace\r"]])
      assert.include(output, "User: ada")
      assert.include(output, "<ada 8>")
      assert.notInclude(output, "lovelace")
      assert.notInclude(output, "\u001b[31m")
      isRestored(output)
    }))

  it.live("is as it was after Ctrl-C", () =>
    Effect.gen(function*() {
      const output = yield* on("answer", [["User: ", "ada\r"], ["Password: ", "love\u0003"]])
      assert.include(output, "<CancelChallenge>")
      isRestored(output)
    }))

  it.live("is as it was when the task was interrupted", () =>
    Effect.gen(function*() {
      const output = yield* on("interrupt", [["User: ", "ada\r"]])
      assert.include(output, "<interrupted>")
      isRestored(output)
    }))
})
