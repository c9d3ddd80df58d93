/** The session's application interceptors, outermost first, which end with the task whatever they wait for. */
import * as Effect from "effect/Effect"
import type { InterceptorService } from "../../Interceptor.ts"
import type { Stage } from "./exchange.ts"

export const interceptors = (services: ReadonlyArray<InterceptorService>): Stage => (next) => {
  if (services.length === 0) return next
  const all = services.reduceRight(
    (inner, service) => (request, context) => service.intercept(request, (changed) => inner(changed, context)),
    next
  )
  return (request, context) => context.enclose(Effect.suspend(() => all(request, context)))
}
