/** A transport that passes everything on to another one, and has it recorded. */
import * as Effect from "effect/Effect"
import type { SessionTransport, TransportService } from "../../Transport.ts"
import { RecordedExchange } from "./recordedExchange.ts"
import type { Recordings } from "./tape.ts"

/** The transport of these exchanges, for one session. */
export const recordingSession = (inner: SessionTransport, tape: Recordings): SessionTransport => {
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
export const recordingTransport = (inner: TransportService, tape: Recordings): TransportService => ({
  platform: inner.platform,
  capabilities: inner.capabilities,
  schemes: inner.schemes,
  open: (options) => Effect.map(inner.open(options), (opened) => recordingSession(opened, tape))
})
