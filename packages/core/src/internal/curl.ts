/** A request as a curl command for a POSIX shell. */
import * as Redacted from "effect/Redacted"
import type { PasswordCredential } from "../Credential.ts"
import type { BodyDescription } from "../RequestBody.ts"
import type { WireRequest } from "../Transport.ts"
import { redactRequestBody, textOf } from "./recorder/bodyText.ts"
import { redacted } from "./recorder/marker.ts"
import { type Redaction, redactRequestFields, redactRequestUrl } from "./recorder/redaction.ts"

/** One word of a shell (POSIX 2.2.2): between single quotes nothing is special but a single quote. */
export const quoted = (word: string): string =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** A format of printf(1) that prints these bytes: no shell can hold a NUL in a word. */
const printed = (bytes: Uint8Array): string => {
  let format = ""
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x5c && byte !== 0x27
    format += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`
  }
  return `printf '${format}'`
}

/** What comes before the command, and its words. */
interface Data {
  readonly before: string
  readonly words: ReadonlyArray<string>
}

const nothing: Data = { before: "", words: [] }

const isFile = (value: unknown): value is { readonly name?: string; readonly type: string } =>
  value instanceof Object && "size" in value && "slice" in value && "type" in value && typeof value.type === "string"

/** A value of `--form` in its own quotes (curl 7.81 and newer), which hold what would end it. */
const formValue = (value: string): string => `"${value.replace(/["\\]/g, "\\$&")}"`

const formWords = (form: FormData, redaction: Redaction): ReadonlyArray<string> => {
  const words: Array<string> = []
  const entries: Iterable<readonly [string, unknown]> = form
  for (const [name, value] of entries) {
    if (isFile(value)) {
      const file = value.name ?? "blob"
      const type = value.type === "" ? "" : `;type=${value.type}`
      words.push("--form", `${formName(name)}=@${formValue(file)}${type}`)
    } else {
      const text = redaction.isSecretName(name) ? redacted : String(value)
      words.push("--form-string", `${formName(name)}=${text}`)
    }
  }
  return words
}

/** curl takes everything up to the first `=` as the name, and has no way to write one there. */
const formName = (name: string): string => name.replaceAll("=", "%3D")

const bytesData = (bytes: Uint8Array, contentType: string | undefined, redaction: Redaction): Data => {
  const body = redactRequestBody(bytes, contentType, redaction)
  if (body._tag === "LeftOut") return { before: "", words: ["--data-raw", redacted] }
  const text = textOf(body.bytes)
  // a word has no room for more, and Linux allows 128 KiB for one
  if (text !== undefined && body.bytes.length <= 100_000) return { before: "", words: ["--data-raw", text] }
  return { before: `${printed(body.bytes)} | `, words: ["--data-binary", "@-"] }
}

const dataOf = (request: WireRequest, described: BodyDescription | undefined, redaction: Redaction): Data => {
  switch (described?._tag) {
    case "Form":
      return { before: "", words: formWords(described.form, redaction) }
    case "File":
      return { before: "", words: ["--data-binary", `@${described.path}`] }
    default: {
      const { body } = request
      if (body === undefined) return nothing
      const contentType = request.fields.find(({ name }) => name === "content-type")?.value
      // nobody knows what a stream holds before it is sent
      return body._tag === "Bytes" ? bytesData(body.bytes, contentType, redaction) : {
        before: "",
        words: ["--data-binary", "@-"]
      }
    }
  }
}

/** What curl would do by itself with these words. */
const impliedMethod = (words: ReadonlyArray<string>): string => words.length === 0 ? "GET" : "POST"

const methodWords = (method: string, implied: string): ReadonlyArray<string> => {
  if (method === "HEAD" && implied === "GET") return ["--head"]
  return method === implied ? [] : ["--request", method]
}

const fieldWords = (
  request: WireRequest,
  described: BodyDescription | undefined,
  data: Data,
  redaction: Redaction
): ReadonlyArray<string> => {
  const words: Array<string> = []
  let typed = false
  for (const [name, value] of redactRequestFields(request.fields, redaction)) {
    if (name === "content-type") {
      typed = true
      // curl writes the boundary that it makes up
      if (described?._tag === "Form") continue
    }
    words.push("--header", value === "" ? `${name};` : `${name}: ${value}`)
  }
  // curl says that it is a form; so does a session of a POST, and of nothing else
  if (!typed && data.words.length > 0 && described?._tag !== "Form" && request.method !== "POST") {
    words.push("--header", "content-type:")
  }
  return words
}

const userWords = (user: PasswordCredential | undefined, redaction: Redaction): ReadonlyArray<string> => {
  if (user === undefined) return []
  return redaction.isOff === true
    ? ["--user", `${user.user}:${Redacted.value(user.password)}`]
    : ["--user", `${redacted}:${redacted}`]
}

/** The command, each option on a line of its own where there are several. */
export const curlCommand = (
  request: WireRequest,
  userInfo: PasswordCredential | undefined,
  described: BodyDescription | undefined,
  redaction: Redaction
): string => {
  const data = dataOf(request, described, redaction)
  const url = redactRequestUrl(request.url.href, redaction)
  const options: ReadonlyArray<ReadonlyArray<string>> = [
    methodWords(request.method, impliedMethod(data.words)),
    // brackets and braces are ranges to curl
    /[[\]{}]/.test(url) ? ["--globoff"] : [],
    userWords(userInfo, redaction),
    ...pairsOf(fieldWords(request, described, data, redaction)),
    ...pairsOf(data.words)
  ]
  const lines = options.filter((words) => words.length > 0).map((words) => words.map(quoted).join(" "))
  const command = ["curl", ...lines, `--url ${quoted(url)}`]
  const separator = command.length > 3 ? " \\\n  " : " "
  return `${data.before}${command.join(separator)}`
}

const pairsOf = (words: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const pairs: Array<ReadonlyArray<string>> = []
  for (let i = 0; i < words.length; i += 2) pairs.push(words.slice(i, i + 2))
  return pairs
}
