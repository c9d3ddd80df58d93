/** What a fiber answers at the moment: resolvers, and handlers of client certificates, that are not asked about themselves. */
import * as Context from "effect/Context"
import { resolvingKey } from "../capture.ts"

/** See the head of this file. It belongs to whoever runs, and never to what a handler has captured. */
export class Resolving extends Context.Reference<Resolving>()(resolvingKey, {
  defaultValue: (): ReadonlyArray<object> => []
}) {}
