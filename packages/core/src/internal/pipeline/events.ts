/** The outermost stage: tells observers of the final response and its bytes, and asks the ResponseHandler. */
import * as Effect from "effect/Effect"
import { Cancelled, DelegateFailed, type ExchangeError } from "../../SessionError.ts"
import type { BodySink, WireBody, WireResponse } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { goOn } from "../goOn.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Stage } from "./exchange.ts"

/** A body whose bytes are counted and told of as they pass. */
class ObservedBody implements WireBody, BodySink {
  readonly #inner: WireBody
  readonly #context: ExchangeContext
  #sink: BodySink | undefined = undefined

  constructor(inner: WireBody, context: ExchangeContext) {
    this.#inner = inner
    this.#context = context
  }
  get length() {
    return this.#inner.length
  }
  get delimited() {
    return this.#inner.delimited
  }
  get trailers() {
    return this.#inner.trailers
  }
  take(): Uint8Array | undefined {
    const bytes = this.#inner.take()
    if (bytes !== undefined && bytes.length > 0) this.#tell(bytes)
    return bytes
  }
  start(sink: BodySink): void {
    this.#sink = sink
    this.#inner.start(this)
  }
  pause(): void {
    this.#inner.pause()
  }
  resume(): void {
    this.#inner.resume()
  }
  cancel(): void {
    this.#sink = undefined
    this.#inner.cancel()
  }
  get keeps(): boolean {
    return this.#sink?.keeps === true
  }
  onBytes(borrowed: Uint8Array, given?: boolean): void {
    this.#tell(borrowed)
    this.#sink?.onBytes(borrowed, given)
  }
  onEnd(trailers: WireBody["trailers"]): void {
    this.#sink?.onEnd(trailers)
  }
  onError(error: ExchangeError): void {
    this.#sink?.onError(error)
  }
  #tell(bytes: Uint8Array): void {
    const context = this.#context
    const count = bytes.length
    context.tap?.(bytes)
    context.bytesReceived += count
    context.emit({
      _tag: "DataReceived",
      taskIdentifier: context.taskIdentifier,
      bytesReceived: count,
      totalBytesReceived: context.bytesReceived,
      totalBytesExpected: context.bytesExpected
    })
    context.changed()
  }
}

const observe = (response: WireResponse, context: ExchangeContext): WireResponse => {
  context.bytesExpected = response.fields.has("content-encoding") ? undefined : response.body.length
  context.emit({
    _tag: "ResponseReceived",
    taskIdentifier: context.taskIdentifier,
    status: response.status,
    headers: response.fields,
    url: displayUrl(response.url.href)
  })
  return { ...response, body: new ObservedBody(response.body, context) }
}

export const events = (session: SessionState): Stage => (next) => (request, context) => {
  const handler = context.delegate.response ?? session.slots.response
  if (!context.observed && context.tap === undefined && handler === undefined) return next(request, context)
  return goOn(next(request, context), (response) => {
    const told = context.observed || context.tap !== undefined ? observe(response, context) : response
    if (handler === undefined) return Effect.succeed(told)
    const { url } = response
    const head = {
      status: response.status,
      headers: response.fields,
      url: url.href,
      taskIdentifier: context.taskIdentifier
    }
    const asked = context.decide(
      Effect.catchAllCause(Effect.suspend(() => handler.decide(head)), (cause) =>
        Effect.fail(
          new DelegateFailed({ url: url.href, cause, reason: { _tag: "HandlerFailed", slot: "ResponseHandler" } })
        ))
    )
    return Effect.flatMap(asked, (answer) => {
      if (answer === "allow") return Effect.succeed(told)
      response.body.cancel()
      return Effect.fail(new Cancelled({ url: url.href, reason: { _tag: "Cancelled", by: "responseHandler" } }))
    })
  })
}
