/** How a URL is shown to people: without user info, query values and fragment, any of which may be a secret. */

/** The URL as it may stand in messages, logs and spans. What cannot be parsed is cut by hand. */
export const displayUrl = (url: string): string => {
  const end = url.search(/[?#]/)
  const hidden = end >= 0 && url[end] === "?" ? "?…" : ""
  const bare = end < 0 ? url : url.slice(0, end)
  const authority = bare.indexOf("//")
  if (authority < 0) return (bare.startsWith("data:") ? "data:…" : bare) + hidden
  // everything up to the last "@" before the path is user info
  const path = bare.slice(authority + 2).search(/[/\\]/)
  const stop = path < 0 ? bare.length : authority + 2 + path
  const at = bare.lastIndexOf("@", stop)
  return (at > authority ? bare.slice(0, authority + 2) + bare.slice(at + 1) : bare) + hidden
}
