/** Asks for client certificates: the session's handler, then the task's, once for each server, whose answer is remembered. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { ClientCertificateChallenge } from "../../AuthenticationChallenge.ts"
import type { IdentityCredential } from "../../Credential.ts"
import type * as Disposition from "../../Disposition.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { AuthenticationError } from "../../SessionError.ts"
import type { IdentityAnswer, IdentityAsker } from "../../Transport.ts"
import { report } from "../challengeObserver.ts"
import type { Resolver } from "../resolver.ts"
import { asked } from "./asked.ts"
import { Resolving } from "./resolving.ts"

/** A resolver's entry. */
export type IdentityHandler = NonNullable<Resolver["identity"]>

/** What is known of one server. */
interface Known {
  answer: IdentityAnswer | undefined
  /** The identity that was given last, remembered or not. */
  given: IdentityCredential | undefined
  refused: IdentityCredential | undefined
  failures: number
  /** The question that is being asked; `None` where whoever asked has gone, and somebody else must. */
  pending: Deferred.Deferred<Option.Option<IdentityAnswer>, AuthenticationError> | undefined
}

const none: IdentityAnswer = { identity: undefined }

const answerOf = (
  disposition: Disposition.Disposition<IdentityCredential>,
  space: ProtectionSpace.ProtectionSpace
): Effect.Effect<IdentityAnswer, AuthenticationError> => {
  switch (disposition._tag) {
    case "UseCredential":
      return Effect.succeed({ identity: disposition.credential })
    case "CancelChallenge":
      return Effect.fail(
        new AuthenticationError({ url: space.origin, reason: { _tag: "Cancelled", space: space.toString() } })
      )
    default:
      return Effect.succeed(none)
  }
}

/** See the head of this file. */
export class Identities implements IdentityAsker {
  readonly #handlers: ReadonlyArray<IdentityHandler>
  readonly #epoch: () => number
  #of = -1
  readonly #servers = new Map<string, Known>()

  /** Everything is forgotten where `epoch` has changed. */
  constructor(handlers: ReadonlyArray<IdentityHandler>, epoch: () => number) {
    this.#handlers = handlers
    this.#epoch = epoch
  }

  readonly known = (host: string, port: number): IdentityAnswer | undefined => this.#server(host, port).answer

  // no step between the begin of a question and the word about its end may be lost to an interruption
  readonly ask = (host: string, port: number): Effect.Effect<IdentityAnswer, AuthenticationError> =>
    Effect.uninterruptibleMask((restore) => {
      const known = this.#server(host, port)
      if (known.answer !== undefined) return Effect.succeed(known.answer)
      if (known.pending !== undefined) {
        return Effect.flatMap(
          restore(Deferred.await(known.pending)),
          Option.match({ onNone: () => restore(this.ask(host, port)), onSome: Effect.succeed })
        )
      }
      const pending: NonNullable<Known["pending"]> = Deferred.unsafeMake(FiberId.none)
      known.pending = pending
      return Effect.onExit(restore(this.#question(host, port, known)), (exit) =>
        Effect.sync(() => {
          known.pending = undefined
          if (Exit.isInterrupted(exit)) return Deferred.unsafeDone(pending, Effect.succeedNone)
          this.#settle(known, Exit.isSuccess(exit) ? exit.value : none, Exit.isSuccess(exit))
          Deferred.unsafeDone(pending, Exit.map(exit, Option.some))
        }))
    })

  readonly refused = (host: string, port: number, identity: IdentityCredential): void => {
    const known = this.#server(host, port)
    // several connections may have been refused with the same one
    if (known.given !== identity) return
    known.given = undefined
    known.answer = undefined
    known.refused = identity
    known.failures++
  }

  #server(host: string, port: number): Known {
    const epoch = this.#epoch()
    if (epoch !== this.#of) {
      this.#of = epoch
      this.#servers.clear()
    }
    const key = `${host}:${port}`
    const found = this.#servers.get(key)
    if (found !== undefined) return found
    const made = { answer: undefined, given: undefined, refused: undefined, failures: 0, pending: undefined }
    this.#servers.set(key, made)
    return made
  }

  #settle(known: Known, answer: IdentityAnswer, answered: boolean): void {
    known.given = answer.identity
    if (answer.identity === undefined) {
      known.refused = undefined
      known.failures = 0
    }
    if (answered && answer.identity?.persistence !== "none") known.answer = answer
  }

  #question(host: string, port: number, known: Known): Effect.Effect<IdentityAnswer, AuthenticationError> {
    const space = ProtectionSpace.make({ host, port, protocol: "https", method: "ClientCertificate" })
    const challenge: ClientCertificateChallenge = {
      space,
      distinguishedNames: [],
      previousFailureCount: known.failures,
      proposedCredential: Option.fromNullable(known.refused)
    }
    const from = (index: number): Effect.Effect<IdentityAnswer, AuthenticationError> => {
      const handler = this.#handlers[index]
      if (handler === undefined) return Effect.succeed(none)
      return Effect.flatMap(
        Effect.flatMap(Resolving, (within) => asked(handler, within, space, space.origin, () => handler(challenge))),
        (disposition) =>
          disposition._tag === "Next"
            ? from(index + 1)
            : Effect.zipRight(
              report({
                space: space.toString(),
                disposition: disposition._tag,
                previousFailureCount: challenge.previousFailureCount
              }),
              answerOf(disposition, space)
            )
      )
    }
    return from(0)
  }
}
