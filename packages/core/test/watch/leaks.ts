/** Looks for secrets in what values look like when they are printed. */
import { inspect } from "node:util"

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64").replace(/=+$/, "")

/** The forms in which a secret may show. */
const formsOf = (secret: string): ReadonlyArray<string> => {
  const forms = [secret, encodeURIComponentSafely(secret), base64(secret)]
  return [...new Set(forms)].filter((form) => form.length >= 6)
}

const encodeURIComponentSafely = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    return text
  }
}

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return ""
  }
}

const textOf = (value: unknown): string => {
  const printed = [inspect(value, { depth: 8, breakLength: Infinity, maxStringLength: 20_000 }), json(value)]
  if (value instanceof Error) printed.push(String(value), value.message)
  return printed.join("\n")
}

/** What is printed and holds one of these texts: where, and how the secret begins. */
export const leaksIn = (values: ReadonlyArray<unknown>, secrets: ReadonlySet<string>): ReadonlyArray<string> => {
  if (values.length === 0 || secrets.size === 0) return []
  const texts = [...new Set(values.map(textOf))]
  const whole = texts.join("\n")
  const leaks: Array<string> = []
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      const at = whole.indexOf(form)
      if (at < 0) continue
      const around = whole.slice(Math.max(0, at - 120), at).replaceAll(form, "***")
      leaks.push(`${form.slice(0, 2)}*** (${form.length} characters) after ${JSON.stringify(around)}`)
    }
  }
  return leaks
}
