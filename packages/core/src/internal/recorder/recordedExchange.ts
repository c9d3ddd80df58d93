/** One exchange that is being recorded: stands between the session's control and the transport, and hears everything. */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { HeaderFields } from "../../HeaderFields.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type {
  AlpnProtocol,
  Closeable,
  ExchangeControl,
  TransactionRecord,
  TrustAsker,
  WireRequest,
  WireRequestBody,
  WireResponse
} from "../../Transport.ts"
import { redactRequestBody } from "./bodyText.ts"
import { failureOf } from "./failure.ts"
import type { Gatherer } from "./gatherer.ts"
import type {
  Ending,
  Entry,
  RecordedBody,
  RecordedFields,
  RecordedInformational,
  RecordedRequest,
  RecordedResponse,
  RecordedTimes
} from "./model.ts"
import { redactRequestFields, redactRequestUrl, redactResponseFields } from "./redaction.ts"
import type { Recorded, Recordings } from "./tape.ts"
import { TappedBody, tappedRequestBody } from "./tappedBody.ts"

type Resume = (effect: Effect.Effect<never, ExchangeError>) => void

/** See the head of this file. It is the control that the transport sees. */
export class RecordedExchange implements ExchangeControl, Closeable, Recorded {
  /** What the transport sends. */
  readonly request: WireRequest
  readonly transaction: TransactionRecord
  readonly alpnProtocols?: ReadonlyArray<AlpnProtocol>
  readonly #tape: Recordings
  readonly #control: ExchangeControl
  readonly #url: string
  readonly #startedAt: number
  readonly #seat: number
  readonly #method: string
  readonly #recordedUrl: string
  readonly #fields: RecordedFields
  readonly #informational: Array<RecordedInformational> = []
  readonly #requestBody: Gatherer | undefined
  #sent: boolean
  #head: Omit<RecordedResponse, "body" | "trailers" | "headerBytes"> | undefined = undefined
  #body: TappedBody | undefined = undefined
  #responseBody: Gatherer | undefined = undefined
  #over = false

  constructor(tape: Recordings, request: WireRequest, control: ExchangeControl) {
    const { redaction } = tape.options
    this.#tape = tape
    this.#control = control
    this.transaction = control.transaction
    if (control.alpnProtocols !== undefined) this.alpnProtocols = control.alpnProtocols
    this.#url = request.url.href
    this.#startedAt = control.now()
    this.#seat = tape.begin(this)
    this.#method = request.method
    this.#recordedUrl = redactRequestUrl(request.url.href, redaction)
    this.#fields = redactRequestFields(request.fields, redaction)
    this.#sent = request.body === undefined
    this.#requestBody = request.body === undefined ? undefined : tape.gatherer()
    this.request = this.#tapped(request)
    control.register(this)
  }

  #tapped(request: WireRequest): WireRequest {
    const { body } = request
    const gatherer = this.#requestBody
    if (body === undefined || gatherer === undefined) return request
    if (body._tag === "Bytes") {
      gatherer.add(body.bytes)
      return request
    }
    const tapped: WireRequestBody = tappedRequestBody(body, (piece) => gatherer.add(piece), () => {
      this.#sent = true
    })
    return { ...request, body: tapped }
  }

  // ---- what came of it

  /** The exchange failed before there was a head. */
  failed(cause: Cause.Cause<ExchangeError>): void {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    this.#finish(error === undefined ? { _tag: "Interrupted" } : { _tag: "Failed", error: failureOf(error) })
  }

  /** The head is there. */
  answered(response: WireResponse): WireResponse {
    if (this.#over) return response
    const { body, fields, reason, status } = response
    this.#head = {
      status,
      reason,
      fields: redactResponseFields(fields, this.#url, this.#tape.options.redaction),
      length: body.length,
      delimited: body.delimited
    }
    this.#responseBody = this.#tape.gatherer()
    this.#body = new TappedBody(body, this.#responseBody, (ending) => this.#finish(ending))
    return { ...response, body: this.#body }
  }

  settle(): void {
    this.#body?.settle()
  }

  close(): void {
    this.#body?.settle()
    const unwanted = this.#body !== undefined && !this.#body.awaited
    this.#finish({ _tag: unwanted ? "Cancelled" : "Interrupted" })
  }

  #finish(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#control.unregister(this)
    const kept = this.#tape.end(this, this.#seat, this.#entry(ending), this.transaction.connection)
    if (kept) return
    this.#requestBody?.drop()
    this.#responseBody?.drop()
  }

  #entry(ending: Ending): Entry {
    return {
      startedAt: Math.max(0, Math.floor(this.#startedAt)),
      duration: this.#since(this.#control.now()),
      request: this.#recordedRequest(),
      informational: this.#informational,
      response: this.#recordedResponse(),
      ending,
      times: this.#times(),
      connection: undefined,
      reused: this.transaction.reused
    }
  }

  #recordedRequest(): RecordedRequest {
    const body = this.#requestBody?.finish()
    return {
      method: this.#method,
      url: this.#recordedUrl,
      fields: this.#fields,
      body: body?._tag === "Kept" ? this.#withoutSecrets(body.bytes) : body,
      sent: this.#sent,
      headerBytes: this.transaction.requestHeaderBytes
    }
  }

  #withoutSecrets(bytes: Uint8Array): RecordedBody {
    const contentType = this.#fields.find(([name]) => name === "content-type")?.[1]
    return redactRequestBody(bytes, contentType, this.#tape.options.redaction)
  }

  #recordedResponse(): RecordedResponse | undefined {
    const head = this.#head
    const body = this.#responseBody?.finish()
    if (head === undefined || body === undefined) return undefined
    return {
      ...head,
      body,
      trailers: redactResponseFields(this.#body?.trailers ?? [], this.#url, this.#tape.options.redaction),
      headerBytes: this.transaction.responseHeaderBytes
    }
  }

  // ---- time

  /** In milliseconds since it began, to the microsecond. */
  #since(time: number): number {
    return Math.max(0, Math.round((time - this.#startedAt) * 1000) / 1000)
  }

  #times(): RecordedTimes {
    const { transaction } = this
    const at = (time: number | undefined): number | undefined => time === undefined ? undefined : this.#since(time)
    return {
      domainLookupStart: at(transaction.domainLookupStart),
      domainLookupEnd: at(transaction.domainLookupEnd),
      connectStart: at(transaction.connectStart),
      secureConnectionStart: at(transaction.secureConnectionStart),
      secureConnectionEnd: at(transaction.secureConnectionEnd),
      connectEnd: at(transaction.connectEnd),
      requestStart: at(transaction.requestStart),
      requestEnd: at(transaction.requestEnd),
      responseStart: at(transaction.responseStart),
      responseEnd: at(transaction.responseEnd)
    }
  }

  // ---- the control

  get trust(): TrustAsker {
    return this.#control.trust
  }
  get priority(): number {
    return this.#control.priority
  }
  get fresh(): boolean {
    return this.#control.fresh
  }
  get expectContinue(): boolean {
    return this.#control.expectContinue
  }
  park(resume: Resume): boolean {
    return this.#control.park(resume)
  }
  unpark(): void {
    this.#control.unpark()
  }
  register(closeable: Closeable): void {
    this.#control.register(closeable)
  }
  unregister(closeable: Closeable): void {
    this.#control.unregister(closeable)
  }
  networkWait(waiting: boolean): void {
    this.#control.networkWait(waiting)
  }
  touch(): void {
    this.#control.touch()
  }
  now(): number {
    return this.#control.now()
  }
  arrived(): void {
    this.#control.arrived()
  }
  informational(status: number, fields: HeaderFields): void {
    this.#informational.push({
      status,
      fields: redactResponseFields(fields, this.#url, this.#tape.options.redaction),
      after: this.#since(this.#control.now())
    })
    this.#control.informational(status, fields)
  }
  bodySent(total: number): void {
    const { body } = this.request
    if (body?._tag === "Bytes" && total >= body.bytes.length) this.#sent = true
    this.#control.bodySent(total)
  }
}
