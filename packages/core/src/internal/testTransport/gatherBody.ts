/** The body of a request as the scripted server has received it: all of it, before it answers. */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type { Closeable, ExchangeControl, WireRequestBody } from "../../Transport.ts"

const joined = (pieces: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

export const gatherBody = (
  body: WireRequestBody | undefined,
  control: ExchangeControl
): Effect.Effect<Uint8Array | undefined, ExchangeError> => {
  if (body === undefined || body._tag === "Bytes") {
    return Effect.sync(() => {
      if (body === undefined) return undefined
      control.transaction.requestBodyBytes = body.bytes.length
      control.bodySent(body.bytes.length)
      return body.bytes
    })
  }
  return Effect.async((resume) => {
    if (!control.park(resume)) return
    const pieces: Array<Uint8Array> = []
    let length = 0
    const closeable: Closeable = { close: () => source.close() }
    const over = (result: Effect.Effect<Uint8Array, ExchangeError>) => {
      source.close()
      control.unregister(closeable)
      control.unpark()
      resume(result)
    }
    // a source may answer within the call: the loop asks again, so that no body is deeper than the stack
    let wanted = false
    let pulling = false
    const pull = () => {
      wanted = true
      if (pulling) return
      pulling = true
      while (wanted) {
        wanted = false
        source.pull()
      }
      pulling = false
    }
    const source = body.open({
      onPiece: (borrowed) => {
        pieces.push(borrowed.slice())
        length += borrowed.length
        control.transaction.requestBodyBytes = length
        control.bodySent(length)
        pull()
      },
      onEnd: () => over(Effect.succeed(joined(pieces, length))),
      onError: (error) => over(Effect.fail(error))
    })
    control.register(closeable)
    pull()
  })
}
