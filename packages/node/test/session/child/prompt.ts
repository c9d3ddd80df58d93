/** A program that is asked for a password on its terminal; `interrupt` gives up when the password is to be typed. */
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as NodePrompt from "@urlsession/node/NodePrompt"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const [, , how = "answer"] = process.argv

const program = Effect.gen(function*() {
  const resolver = yield* ChallengeResolver.ChallengeResolver
  const question = yield* Effect.fork(resolver.answer({
    space: ProtectionSpace.make({
      host: "api.test",
      port: 443,
      protocol: "https",
      method: "Basic",
      realm: "\u001b[31mapi"
    }),
    previousFailureCount: 0,
    proposedCredential: Option.none(),
    failureResponse: Option.none(),
    crossOrigin: false,
    taskIdentifier: 1
  }))
  if (how === "interrupt") {
    const write = process.stderr.write.bind(process.stderr)
    yield* Effect.async<void>((resume) => {
      process.stderr.write = (...parameters: [never]) => {
        if (String(parameters[0]).includes("Password")) setImmediate(() => resume(Effect.void))
        return write(...parameters)
      }
    })
    yield* Fiber.interrupt(question)
    return "interrupted"
  }
  const answer = yield* Fiber.join(question)
  return answer._tag === "UseCredential" && answer.credential._tag === "Password"
    ? `${answer.credential.user} ${Redacted.value(answer.credential.password).length}`
    : answer._tag
}).pipe(Effect.provide(NodePrompt.layer()))

process.stdout.write(`<${await Effect.runPromise(program)}>\n`)
