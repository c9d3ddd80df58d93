/** How resolvers are asked: marked as being asked, and whatever goes wrong with one is `ResolverFailed`. */
import * as Effect from "effect/Effect"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import { AuthenticationError } from "../../SessionError.ts"
import { Resolving } from "./resolving.ts"

/** The types say that there is an answer, and programs without types do not hear them: what is none is a defect. */
export const isAnswer = (answer: unknown): Effect.Effect<void> =>
  typeof answer === "object" && answer !== null && "_tag" in answer && typeof answer._tag === "string"
    ? Effect.void
    : Effect.dieMessage("the resolver gave no answer. Return a Disposition, or a verdict of ServerTrust")

/** Asks `handler`, beside those that are being asked already; `url` is the request's. */
export const asked = <A>(
  handler: object,
  within: ReadonlyArray<object>,
  space: ProtectionSpace,
  url: string,
  question: () => Effect.Effect<A, unknown>
): Effect.Effect<A, AuthenticationError> =>
  Effect.catchAllCause(
    Effect.provideService(
      Effect.tap(Effect.suspend(question), isAnswer),
      Resolving,
      [...within, handler]
    ),
    (cause) =>
      Effect.fail(new AuthenticationError({ url, cause, reason: { _tag: "ResolverFailed", space: space.toString() } }))
  )
