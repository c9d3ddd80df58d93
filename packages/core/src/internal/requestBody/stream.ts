/** A body out of an Effect Stream. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Produce } from "./streamedRequestBody.ts"

/** Small pieces of one chunk go out together, up to so many bytes. */
const gathered = 64 * 1024

const gather = (pieces: ReadonlyArray<Uint8Array>, from: number, to: number, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let at = 0
  for (let i = from; i < to; i++) {
    const piece = pieces[i]
    if (piece === undefined) break
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const giveAll = (pieces: ReadonlyArray<Uint8Array>, give: Parameters<Produce>[0]): Effect.Effect<void> =>
  Effect.gen(function*() {
    let from = 0
    while (from < pieces.length) {
      const first = pieces[from]
      if (first === undefined) break
      let length = first.length
      let to = from + 1
      for (let next = pieces[to]; next !== undefined && length + next.length <= gathered; next = pieces[++to]) {
        length += next.length
      }
      yield* give(to === from + 1 ? first : gather(pieces, from, to, length))
      from = to
    }
  })

export const streamProduce = <E>(stream: Stream.Stream<Uint8Array, E>): Produce => (give) =>
  Stream.runForEachChunk(stream, (chunk) => {
    if (chunk.length === 1) return give(Chunk.unsafeHead(chunk))
    return giveAll(Chunk.toReadonlyArray(chunk), give)
  })
