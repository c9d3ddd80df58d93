/** Media types (RFC 9110 8.3) and the file name that a response suggests (RFC 6266). */

export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string
  /** In lower case. */
  readonly charset: string | undefined
  readonly parameters: ReadonlyMap<string, string>
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const parameter = /;\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))\s*/gy

const parametersOf = (text: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  parameter.lastIndex = 0
  for (let match = parameter.exec(text); match !== null; match = parameter.exec(text)) {
    const name = match[1]?.toLowerCase() ?? ""
    const value = match[2] === undefined ? match[3] ?? "" : match[2].replace(/\\(.)/g, "$1")
    if (!found.has(name)) found.set(name, value)
  }
  return found
}

/** A `Content-Type`; `undefined` where it is none. */
export const parseMediaType = (value: string | undefined): MediaType | undefined => {
  if (value === undefined || value.length > 4096) return undefined
  const end = value.indexOf(";")
  const essence = (end < 0 ? value : value.slice(0, end)).trim().toLowerCase()
  const [type = "", subtype = "", more] = essence.split("/")
  if (more !== undefined || !token.test(type) || !token.test(subtype)) return undefined
  const parameters = end < 0 ? new Map<string, string>() : parametersOf(value.slice(end))
  return { essence, charset: parameters.get("charset")?.toLowerCase(), parameters }
}

/** An `ext-value` (RFC 8187): `UTF-8''na%C3%AFve.txt`. */
const extended = (value: string): string | undefined => {
  const match = /^(utf-8|iso-8859-1)'[^']*'(.*)$/i.exec(value)
  if (match === null) return undefined
  const [, charset = "", text = ""] = match
  try {
    return charset.toLowerCase() === "utf-8"
      ? decodeURIComponent(text)
      : text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
  } catch {
    return undefined
  }
}

/** A name that is one segment of a path on any system: no slash, no control character, not a dot name. */
const safe = (name: string): string | undefined => {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const clean = name.replace(/[/\\]/g, "_").replace(/[\u0000-\u001f\u007f]/g, "")
  return clean === "" || clean === "." || clean === ".." ? undefined : clean
}

const fromDisposition = (value: string | undefined): string | undefined => {
  if (value === undefined || value.length > 4096) return undefined
  const end = value.indexOf(";")
  if (end < 0) return undefined
  const parameters = parametersOf(value.slice(end))
  const long = parameters.get("filename*")
  const name = (long === undefined ? undefined : extended(long)) ?? parameters.get("filename")
  return name === undefined ? undefined : safe(name)
}

const fromUrl = (url: string): string | undefined => {
  let path: string
  try {
    path = new URL(url).pathname
  } catch {
    return undefined
  }
  const last = path.slice(path.lastIndexOf("/") + 1)
  try {
    return safe(decodeURIComponent(last))
  } catch {
    return safe(last)
  }
}

/** The name under which a response is best saved: from `Content-Disposition`, else from the URL, else `Unknown`. */
export const suggestedFileName = (url: string, disposition: string | undefined): string =>
  fromDisposition(disposition) ?? fromUrl(url) ?? "Unknown"
