/**
 * Before anything of Effect is loaded: what is wrapped in `Redacted` is remembered, here and nowhere else. Effect keeps these values
 * in a global WeakMap that it makes only where there is none.
 */
import { globalValue } from "effect/GlobalValue"

/** The texts that were wrapped since the file began. */
export const wrapped = new Set<string>()

const shortest = 6

const note = (value: unknown): void => {
  if (typeof value === "string" && value.length >= shortest) wrapped.add(value)
  else if (value instanceof Uint8Array && value.length >= shortest) wrapped.add(Buffer.from(value).toString("base64"))
}

class Recording extends WeakMap<object, unknown> {
  override set(key: object, value: unknown): this {
    note(value)
    return super.set(key, value)
  }
}

globalValue("effect/Redacted/redactedRegistry", () => new Recording())
