/** What the parts of the conformance suite share: the origin, a session that is closed and looked at, a recorder, tokens. */
import { assert, type Vitest } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import type { Transport } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { type Ability, can, type Subject } from "./abilities.ts"

/** Where the requests of the suite go. */
export interface OriginService {
  /** `http://host:port`. */
  readonly url: string
  /** The same server, under another origin. */
  readonly other: string
  /** An origin that nobody answers at. */
  readonly refused: string
  /** A request with this token has arrived. */
  readonly begun: (token: string) => Effect.Effect<void>
  /** A byte of the body of a request with this token has arrived. */
  readonly received: (token: string) => Effect.Effect<void>
  /** Whether a server would take the body of a request with this token for a whole one. */
  readonly completed: (token: string) => Effect.Effect<boolean>
  /** A request with this token was given up by the client before it was answered. */
  readonly closed: (token: string) => Effect.Effect<void>
}

/** The origin of the suite. */
export class Origin extends Context.Tag("@urlsession/core/test/Origin")<Origin, OriginService>() {}

export type Environment = Transport | Origin
type Methods = Vitest.MethodsNonLive<Environment, true>

/** Registers cases: all of them, or those that a transport is able to do. */
export interface Cases {
  readonly all: Methods["effect"]
  readonly only: (
    ability: Ability
  ) => (name: string, test: Vitest.TestFunction<unknown, unknown, Environment, []>) => void
}

export const casesOf = (it: Methods, subject: Subject): Cases => ({
  all: it.effect,
  only: (ability) => can(subject, ability) ? it.effect : () => undefined
})

/** How a case's session differs from the default one. */
export interface Options<Delegate = never> {
  readonly configuration?: SessionConfiguration.Options
  readonly delegate?: Layer.Layer<Delegate>
}

const nothing = { sockets: 0, connecting: 0, queued: 0, tasks: 0, timers: 0 }

export interface Use {
  readonly session: UrlSession.Service
  readonly origin: OriginService
}

/** Runs with a session, closes it, and looks whether anything of it is left. */
export const withSession = <A, E, R, Delegate = never>(
  use: (one: Use) => Effect.Effect<A, E, R>,
  options: Options<Delegate> = {}
): Effect.Effect<A, E, R | Environment> =>
  Effect.gen(function*() {
    const origin = yield* Origin
    const scope = yield* Scope.make()
    const configuration = SessionConfiguration.make(options.configuration)
    const made = UrlSession.make(configuration).pipe(
      Effect.provide(options.delegate ?? Layer.empty),
      Scope.extend(scope)
    )
    const session = yield* made
    const exit = yield* Effect.exit(use({ session, origin }))
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* session.openResources, nothing)
    return yield* exit
  })

/** Marks a request, so that the origin can be asked about it. */
export const makeToken: Effect.Effect<string> = Effect.sync(() => crypto.randomUUID())

interface Reasoned {
  readonly _tag: string
  readonly reason: { readonly _tag: string }
  readonly message: string
}

/** The error of an effect that must fail as `Family/Reason` says. */
export const failsWith = <A, E extends Reasoned, R>(effect: Effect.Effect<A, E, R>, ...names: ReadonlyArray<string>) =>
  Effect.tap(
    Effect.flip(effect),
    (error) => Effect.sync(() => assert.include(names, `${error._tag}/${error.reason._tag}`, error.message))
  )

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const EchoSchema = Schema.parseJson(Schema.Struct({
  method: Schema.String,
  target: Schema.String,
  length: Schema.Number,
  text: Schema.String,
  sum: Schema.Number,
  contentType: Schema.optional(Schema.String),
  announced: Schema.optional(Schema.String),
  custom: Schema.optional(Schema.String),
  authorization: Schema.optional(Schema.String)
}))

/** What an echo says. */
export const echoOf = Schema.decode(EchoSchema)

/** Sends a request to an echo, and gives what it says. */
export const echoed = (session: UrlSession.Service, request: Parameters<UrlSession.Service["data"]>[0]) =>
  Effect.flatMap(session.data(request), ([bytes]) => echoOf(textOf(bytes)))

/** Records every event in the order in which its handler ran. */
export class Recorder {
  readonly events: Array<SessionEvent.SessionEvent> = []
  readonly layer: Layer.Layer<SessionEvent.SessionEvents> = Layer.succeed(
    SessionEvent.SessionEvents,
    (event) => Effect.sync(() => this.events.push(event))
  )

  /** The events of one kind. */
  of<const Tag extends SessionEvent.SessionEvent["_tag"]>(tag: Tag) {
    return this.events.filter((event): event is Extract<SessionEvent.SessionEvent, { readonly _tag: Tag }> =>
      event._tag === tag
    )
  }
}
