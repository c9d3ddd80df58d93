/** A transport that passes everything on to another one, and has it recorded. */
import * as Effect from "effect/Effect"
import type { SessionTransport, TransportService } from "../../Transport.ts"
import { RecordedExchange } from "./recordedExchange.ts"
import type { Tape } from "./tape.ts"

const session = (inner: SessionTransport, tape: Tape): SessionTransport => {
  const recording: SessionTransport = {
    exchange: (request, control) =>
      Effect.suspend(() => {
        const one = new RecordedExchange(tape, request, control)
        return Effect.matchCauseEffect(inner.exchange(one.request, one), {
          onFailure: (cause) => {
            one.failed(cause)
            return Effect.failCause(cause)
          },
          onSuccess: (response) => Effect.succeed(one.answered(response))
        })
      }),
    flush: () => inner.flush(),
    open: () => inner.open()
  }
  return inner.soon === undefined ? recording : { ...recording, soon: (f) => inner.soon?.(f) }
}

/** The transport of these exchanges. */
export const recordingTransport = (inner: TransportService, tape: Tape): TransportService => ({
  platform: inner.platform,
  capabilities: inner.capabilities,
  schemes: inner.schemes,
  open: (options) => Effect.map(inner.open(options), (opened) => session(opened, tape))
})
