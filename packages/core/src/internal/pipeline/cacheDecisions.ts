/** What a cache decides, as the decision log has it. */
import type { CacheConsulted, CacheUpdated } from "../../Decision.ts"
import type { Decision } from "../protocol/cacheStrategy.ts"

/** The rule, and where it stands. */
const ruled = (detail: string): { readonly rule: string; readonly clause: string | undefined } => {
  const match = /^(.*) \((RFC [^)]*)\)$/.exec(detail)
  return match === null ? { rule: detail, clause: undefined } : { rule: match[1] ?? "", clause: match[2] }
}

const actions = {
  Use: "Serve",
  Validate: "Validate",
  Complete: "Validate",
  Forward: "Forward",
  Unsatisfiable: "Fail"
} as const

/** Before anything is sent. */
export const consulted = (decision: Decision): CacheConsulted => ({
  _tag: "CacheConsulted",
  action: actions[decision._tag],
  ...ruled(decision.detail)
})

/** Of a response that came. */
export const updated = (action: CacheUpdated["action"], detail: string): CacheUpdated => ({
  _tag: "CacheUpdated",
  action,
  ...ruled(detail)
})
