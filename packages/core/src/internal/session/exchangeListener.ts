/** How somebody outside of the session is told that an exchange is over: what a span needs that outlives the head. */
import * as Context from "effect/Context"
import type { ExchangeContext } from "./exchangeContext.ts"

/** Who is told. */
export interface ExchangeListener {
  /** An exchange begins; `false`: it is another one than was meant, made by something that inherited the Reference. */
  readonly begins: (exchange: ExchangeContext) => boolean
  /** It is over, or nothing of it is on the wire any more while nobody has begun to read its body. Perhaps more than once. */
  readonly left: (exchange: ExchangeContext) => void
}

/** The Reference; set for one request at a time. */
export class Listener extends Context.Reference<Listener>()("@urlsession/core/internal/ExchangeListener", {
  defaultValue: (): ExchangeListener | undefined => undefined
}) {}
