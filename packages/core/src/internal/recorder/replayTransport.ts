/** A transport that answers out of a recording. It asks about servers as the recorded one did, and opens no connection. */
import * as Effect from "effect/Effect"
import { HeaderFields } from "../../HeaderFields.ts"
import * as ServerTrust from "../../ServerTrust.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type {
  ConnectionInfo,
  ExchangeControl,
  SessionTransport,
  TransportOptions,
  TransportService,
  TrustAsker,
  WireRequest,
  WireResponse
} from "../../Transport.ts"
import { type Answers, type Asked } from "./answers.ts"
import { RecordingError } from "./error.ts"
import { errorOf, type Failure } from "./failure.ts"
import type { Entry, RecordedConnection, Recording } from "./model.ts"
import { pullBody } from "./pulledBody.ts"
import { ReplayedExchange, unavailable } from "./replayedExchange.ts"

/** How it is replayed. */
export interface ReplaySettings {
  readonly realTime: boolean
  readonly matchBody: boolean
}

/** What an origin presented, and how it was refused, if it was. */
interface Presented {
  readonly trust: ServerTrust.ServerTrust
  readonly refused: Failure | undefined
}

const presentedBy = (recording: Recording): ReadonlyMap<string, Presented> => {
  const connections = new Map(recording.connections.map((one) => [one.id, one]))
  const found = new Map<string, Presented>()
  for (const { connection, ending, request } of recording.entries) {
    const error = ending._tag === "Failed" ? ending.error : undefined
    const refused = error?._tag === "TlsError" && "trust" in error.reason ? error.reason.trust : undefined
    const trust = refused ?? (connection === undefined ? undefined : connections.get(connection)?.trust)
    const origin = /^[^/?#]*\/\/[^/?#]*/.exec(request.url)?.[0]
    if (trust === undefined || origin === undefined || found.has(origin)) continue
    found.set(origin, { trust, refused: refused === undefined ? undefined : error })
  }
  return found
}

/** Whether the server was accepted against the verdict that was recorded; each origin is asked about once per decider. */
class Judge {
  readonly #presented: ReadonlyMap<string, Presented>
  readonly #known = new Map<string, WeakMap<TrustAsker, boolean>>()

  constructor(presented: ReadonlyMap<string, Presented>) {
    this.#presented = presented
  }

  ask({ url }: WireRequest, asker: TrustAsker): Effect.Effect<boolean, ExchangeError> {
    const presented = this.#presented.get(url.origin)
    if (presented === undefined) return Effect.succeed(false)
    const askers = this.#known.get(url.origin) ?? new WeakMap<TrustAsker, boolean>()
    this.#known.set(url.origin, askers)
    const before = askers.get(asker)
    if (before !== undefined) return Effect.succeed(before)
    const { decide } = asker
    const { refused, trust } = presented
    const asked = decide !== undefined
      ? Effect.map(decide(trust), (decision) => decision.overridden)
      : trust.trusted
      ? Effect.succeed(false)
      : Effect.fail(refused === undefined ? ServerTrust.refusal(trust, url.href) : errorOf(refused, url.href))
    return Effect.tap(asked, (overridden) => Effect.sync(() => askers.set(asker, overridden)))
  }
}

/** One value per connection and verdict, as a real transport has it. */
class Connections {
  readonly #recorded: ReadonlyMap<number, RecordedConnection>
  readonly #known = new Map<string, ConnectionInfo>()

  constructor(recording: Recording) {
    this.#recorded = new Map(recording.connections.map((one) => [one.id, one]))
  }

  of(entry: Entry, overridden: boolean): ConnectionInfo | undefined {
    const recorded = entry.connection === undefined ? undefined : this.#recorded.get(entry.connection)
    if (recorded === undefined) return undefined
    const key = `${recorded.id} ${overridden}`
    const info = this.#known.get(key) ?? { ...recorded, localAddress: undefined, localPort: undefined, overridden }
    this.#known.set(key, info)
    return info
  }
}

const withoutFragment = (href: string): string => href.replace(/#.*$/s, "")

/** So much of the body was sent when the recorded answer came. One that could not be sent whole has to say so by itself. */
const sentOf = ({ ending, request: { body, sent } }: Entry): number => {
  const unsendable = ending._tag === "Failed" &&
    (ending.error._tag === "InvalidRequest" || ending.error._tag === "DelegateFailed")
  if (sent || unsendable || body === undefined) return Infinity
  return body._tag === "Kept" ? body.bytes.length : body.size
}

const nothing = (): void => undefined

const gathered = (request: WireRequest, control: ExchangeControl): Effect.Effect<Uint8Array, ExchangeError> =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    const pulled = pullBody(request.body, control, Infinity, (borrowed) => pieces.push(borrowed.slice()))
    return Effect.map(pulled, () => {
      const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
      let at = 0
      for (const piece of pieces) {
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    })
  })

/** A `100 Continue` that was recorded comes before the body goes. */
const proceed = ({ informational }: Entry, control: ExchangeControl): void => {
  for (const { fields, status } of informational) {
    if (status === 100) control.informational(status, HeaderFields.fromEntries(fields))
  }
}

const session = (
  recording: Recording,
  answers: Answers,
  judge: Judge,
  settings: ReplaySettings,
  options: TransportOptions
): SessionTransport => {
  const running = new Set<unknown>()
  const connections = new Connections(recording)

  const choose = (request: WireRequest, body: Uint8Array | undefined): Effect.Effect<Entry, ExchangeError> =>
    Effect.suspend(() => {
      const asked: Asked = { method: request.method, url: withoutFragment(request.url.href), body }
      const entry = answers.take(asked)
      return entry instanceof RecordingError
        ? Effect.fail(unavailable(entry, request.url.href))
        : Effect.succeed(entry)
    })

  const answer = (
    entry: Entry,
    request: WireRequest,
    overridden: boolean,
    control: ExchangeControl
  ): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.async((resume) => {
      if (!control.park(resume)) return
      const connection = connections.of(entry, overridden)
      const { transaction } = control
      transaction.requestEnd = control.now()
      transaction.requestHeaderBytes = entry.request.headerBytes
      transaction.connection = connection
      transaction.reused = entry.reused
      new ReplayedExchange(entry, request, connection, control, options.timers, settings.realTime, running).begin(
        resume
      )
    })

  const begin = (control: ExchangeControl): void => {
    control.transaction.requestStart = control.now()
  }

  /** What is asked is known before its body has passed. */
  const byRequest = (request: WireRequest, control: ExchangeControl): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.flatMap(
      choose(request, undefined),
      (entry) =>
        Effect.flatMap(judge.ask(request, control.trust), (overridden) => {
          begin(control)
          if (request.body !== undefined) proceed(entry, control)
          const sent = pullBody(request.body, control, sentOf(entry), nothing)
          return Effect.flatMap(sent, () => answer(entry, request, overridden, control))
        })
    )

  /** What is asked is known when all of its body is. */
  const byBody = (request: WireRequest, control: ExchangeControl): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.flatMap(judge.ask(request, control.trust), (overridden) => {
      begin(control)
      return Effect.flatMap(
        gathered(request, control),
        (body) => Effect.flatMap(choose(request, body), (entry) => answer(entry, request, overridden, control))
      )
    })

  return {
    exchange: settings.matchBody ? byBody : byRequest,
    flush: nothing,
    open: () => ({ sockets: running.size, connecting: 0, queued: 0 })
  }
}

/** The transport of a recording. */
export const replayTransport = (
  recording: Recording,
  answers: Answers,
  settings: ReplaySettings
): TransportService => {
  const presented = presentedBy(recording)
  return {
    platform: `replayed ${recording.platform}`,
    capabilities: new Set(recording.capabilities),
    schemes: new Set(recording.schemes),
    open: (options) => Effect.sync(() => session(recording, answers, new Judge(presented), settings, options))
  }
}
