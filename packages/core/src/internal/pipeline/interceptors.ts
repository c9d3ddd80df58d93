/** The session's application interceptors, outermost first. */
import type { InterceptorService } from "../../Interceptor.ts"
import type { Stage } from "./exchange.ts"

export const interceptors = (services: ReadonlyArray<InterceptorService>): Stage => (next) =>
  services.reduceRight(
    (inner, service) => (request, context) => service.intercept(request, (changed) => inner(changed, context)),
    next
  )
