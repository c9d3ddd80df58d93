/** Whether one of the ways to the network may be used, and if none may, why: the narrowest reason is told. */

/** What is known of one way. */
export interface Path {
  readonly cellular?: boolean
  readonly expensive?: boolean
  readonly constrained?: boolean
  readonly ultraConstrained?: boolean
}

/** What may be used. */
export interface Allowed {
  readonly cellular: boolean
  readonly expensive: boolean
  readonly constrained: boolean
  readonly ultraConstrained: boolean
}

/** Why there is no way. */
export type Unreachable = "NoRoute" | "Cellular" | "Expensive" | "Constrained" | "UltraConstrained"

const obstacle = (path: Path, allowed: Allowed): Exclude<Unreachable, "NoRoute"> | undefined => {
  if (path.cellular === true && !allowed.cellular) return "Cellular"
  if (path.expensive === true && !allowed.expensive) return "Expensive"
  if (path.constrained === true && !allowed.constrained) return "Constrained"
  if (path.ultraConstrained === true && !allowed.ultraConstrained) return "UltraConstrained"
  return undefined
}

/** `undefined` where there is a way; else what is in the way of the first. */
export const unreachable = (paths: ReadonlyArray<Path>, allowed: Allowed): Unreachable | undefined => {
  let first: Unreachable | undefined
  for (const path of paths) {
    const found = obstacle(path, allowed)
    if (found === undefined) return undefined
    first ??= found
  }
  return first ?? "NoRoute"
}
