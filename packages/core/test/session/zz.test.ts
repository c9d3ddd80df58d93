import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as UrlSession from "@urlsession/core/UrlSession"
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { api, ok, scripted, settle } from "./support.ts"

it.effect("x", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Delegate = SessionEvent.layer({ TaskCompleted: () => Effect.zipRight(Effect.sync(() => console.log("H")), Deferred.await(gate)).pipe(Effect.onExit((e) => Effect.sync(() => console.log("H end", e._tag)))), Invalidated: () => Effect.sync(() => console.log("INV")) })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(UrlSession.layer(undefined, Delegate), scope)
      const session = yield* Effect.provide(UrlSession.UrlSession, context)
      yield* session.data(api)
      const invalidation = yield* Effect.fork(session.invalidateAndCancel)
      yield* settle
      console.log("settled", invalidation.unsafePoll())
      const interruption = yield* Effect.fork(Fiber.interrupt(invalidation))
      console.log("a")
      yield* settle
      console.log("b", invalidation.unsafePoll())
      yield* Deferred.succeed(gate, undefined)
      console.log("c")
      yield* settle
      console.log("d", invalidation.unsafePoll())
      yield* Fiber.join(interruption)
      console.log("e")
      yield* Scope.close(scope, Exit.void)
    }).pipe(scripted(() => ok())), 3000)
