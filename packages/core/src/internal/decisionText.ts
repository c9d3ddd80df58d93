/** Decisions as lines for people: comments of a HAR, events of a span. */
import type { Decision, Refusal } from "../Decision.ts"

const list = (names: ReadonlyArray<string>): string => names.length === 0 ? "none" : names.join(", ")

const refusals = (all: ReadonlyArray<Refusal>): string =>
  all.length === 0 ? "" : `; refused ${all.map(({ name, why }) => `${name} (${why})`).join(", ")}`

const changes = (decision: Extract<Decision, { readonly _tag: "RedirectDecided" }>): string => {
  const parts: Array<string> = []
  if (decision.methodChanged) parts.push(`as ${decision.method}`)
  if (decision.bodyDropped) parts.push("without its body")
  if (decision.crossOrigin) parts.push("to another origin")
  if (decision.droppedFields.length > 0) parts.push(`without ${decision.droppedFields.join(", ")}`)
  return parts.length === 0 ? "" : `, ${parts.join(", ")}`
}

/** One line. */
export const format = (decision: Decision): string => {
  switch (decision._tag) {
    case "AttemptBegan":
      return `attempt: ${decision.method} ${decision.url} with ${list(decision.fields)}`
    case "Intercepted":
      return `intercepted: ${decision.status} by an interceptor of the ${decision.level}`
    case "SchemeUpgraded":
      return `security: ${decision.from} is requested as ${decision.to} (${decision.clause})`
    case "RequestRefused":
      return `security: ${decision.url} is refused: ${decision.rule}`
    case "CookiesAttached":
      return `cookies: sent ${list(decision.sent)}${refusals(decision.refused)}`
    case "CookiesLearned":
      return `cookies: stored ${list(decision.stored)}${refusals(decision.refused)}`
    case "CacheConsulted":
    case "CacheUpdated":
      return `cache: ${decision.action}, ${decision.rule}${
        decision.clause === undefined ? "" : ` (${decision.clause})`
      }`
    case "CredentialAttached":
      return `credential: ${decision.scheme} for ${decision.space}${decision.ahead ? ", ahead of any challenge" : ""}`
    case "ChallengeAnswered":
      return `challenge: ${decision.space}: ${decision.disposition} after ${decision.previousFailureCount} failures` +
        (decision.crossOrigin ? ", asked by another origin" : "")
    case "RedirectDecided":
      return `redirect: ${decision.status} to ${decision.to}: ${decision.action}${changes(decision)}`
    case "SentAgain":
      return `sent again by ${decision.by}: ${decision.why}${decision.after > 0 ? ` after ${decision.after} ms` : ""}`
    case "ProxyChosen":
      return `proxy: ${decision.proxy ?? "none"}, ${decision.why}`
    case "CodingDecided":
      return `coding: ${decision.action} ${list(decision.codings)}, ${decision.why}`
  }
}
