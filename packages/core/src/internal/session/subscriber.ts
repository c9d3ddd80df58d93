/** One subscription to a session's events: hot, with a sliding bound, and it counts what it had to drop. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { SessionEvent } from "../../SessionEvent.ts"

const bound = 1024

type Pull = Effect.Effect<Chunk.Chunk<SessionEvent>, Option.Option<never>>
const ended: Pull = Effect.fail(Option.none())

export class Subscriber {
  #events: Array<SessionEvent> = []
  #ended = false
  #resume: ((pull: Pull) => void) | undefined = undefined
  readonly #leave: () => void
  /** How many events this subscriber was too slow for. */
  missed = 0

  constructor(leave: () => void) {
    this.#leave = leave
  }

  offer(event: SessionEvent): void {
    if (this.#events.length >= bound) {
      this.#events.shift()
      this.missed++
    }
    this.#events.push(event)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  close(): void {
    this.#leave()
    this.end()
  }

  #wake(): void {
    const resume = this.#resume
    if (resume === undefined) return
    this.#resume = undefined
    resume(Effect.suspend(() => this.#take()))
  }

  #take(): Pull {
    if (this.#events.length === 0) return this.#ended ? ended : this.#wait
    const events = this.#events
    this.#events = []
    return Effect.succeed(Chunk.unsafeFromArray(events))
  }

  readonly #wait: Pull = Effect.async((resume) => {
    this.#resume = resume
  })

  readonly stream: Stream.Stream<SessionEvent> = Stream.repeatEffectChunkOption(Effect.suspend(() => this.#take()))
}
