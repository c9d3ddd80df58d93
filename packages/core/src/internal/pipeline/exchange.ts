/**
 * The whole architecture in two types. An Exchange is called only inside the interpreter (from a `flatMap` or the mask that
 * began the request), so a stage may act when it is called, and one with nothing to do returns what the next one returns.
 */
import type * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"

export type Exchange = (
  request: WireRequest,
  context: ExchangeContext
) => Effect.Effect<WireResponse, ExchangeError>

export type Stage = (next: Exchange) => Exchange
