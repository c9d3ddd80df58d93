/** What the loss of a wire is to the exchange that it served. */
import type { ExchangeError } from "@urlsession/core/SessionError"
import { lostError } from "./errors.ts"
import type { Loss, Wire } from "./wire.ts"

/** An end in the wrong place. */
export const ended: Loss = {
  why: "Closed",
  cause: undefined,
  withConnection: true,
  unprocessed: false,
  requestSent: true
}

/** The server may have meant the client certificate, or that there was none; else the connection or the stream was lost. */
export const lossError = (
  loss: Loss,
  wire: Wire | undefined,
  reused: boolean,
  bytesExpected: number | undefined,
  url: string
): ExchangeError => {
  const refusal = loss.withConnection && !loss.unprocessed ? wire?.refusal(loss.cause, url) : undefined
  return refusal ?? lostError(
    {
      bytesReceived: wire?.bodyBytes ?? 0,
      bytesExpected,
      why: loss.why,
      requestSent: loss.requestSent,
      reused: loss.withConnection && reused && wire?.started === false,
      ...(loss.unprocessed ? { unprocessed: true } : {})
    },
    loss.cause,
    url
  )
}
