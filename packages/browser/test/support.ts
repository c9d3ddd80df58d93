/** What the tests of the fetch transport share: a session for one test, and a `fetch` that a test answers itself. */
import { assert } from "@effect/vitest"
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

const nothing = { sockets: 0, connecting: 0, queued: 0, tasks: 0, timers: 0 }

/** Runs with a session on a transport with options, closes it, and looks whether anything of it is left. */
export const withSession = <A, E, R>(
  transport: FetchTransport.Options,
  use: (session: UrlSession.Service) => Effect.Effect<A, E, R>,
  configuration: SessionConfiguration.Options = {}
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const session = yield* UrlSession.make(SessionConfiguration.make(configuration)).pipe(
      Effect.provide(FetchTransport.layerWith(transport)),
      Scope.extend(scope)
    )
    const exit = yield* Effect.exit(use(session))
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* session.openResources, nothing)
    return yield* exit
  })

interface Reasoned {
  readonly _tag: string
  readonly reason: { readonly _tag: string }
  readonly message: string
}

/** The error of an effect that must fail as `Family/Reason` says. */
export const failsWith = <A, E extends Reasoned, R>(effect: Effect.Effect<A, E, R>, name: string) =>
  Effect.tap(
    Effect.flip(effect),
    (error) => Effect.sync(() => assert.strictEqual(`${error._tag}/${error.reason._tag}`, name, error.message))
  )

/** A `fetch` that a test answers; it sees every request. */
export const answering = (answer: (request: Request) => Response | Promise<Response>) => {
  const requests: Array<Request> = []
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init)
    requests.push(request)
    return Promise.resolve(answer(request))
  }
  return { fetch, requests }
}

/** Lets what is under way in promises and streams go on, for so many turns of the event loop. */
export const turns = (count = 20): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let i = 0; i < count; i++) {
      const { port1, port2 } = new MessageChannel()
      await new Promise<void>((resolve) => {
        port2.onmessage = () => {
          port1.close()
          resolve()
        }
        port1.postMessage(undefined)
      })
    }
  })

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
