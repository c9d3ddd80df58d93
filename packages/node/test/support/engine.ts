/** The engine as a session opens it, with a fake session around it. */
import { type SessionTransport, Transport, type TransportOptions } from "@urlsession/core/Transport"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Opens the engine in this scope. */
export const openEngine = (
  options: TransportOptions,
  configuration: NodeTransport.Configuration = {}
): Effect.Effect<SessionTransport, never, Scope.Scope> =>
  Effect.flatMap(Transport, (transport) => transport.open(options)).pipe(
    Effect.provide(NodeTransport.layerWith(configuration))
  )
