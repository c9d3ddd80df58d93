/** The one table of what not every transport can do: a case that needs it runs on the others only. */

/** Node's engine over TCP, over TLS and over HTTP/2; a script; `fetch` in Chromium over HTTP/1.1 and, streaming, over HTTP/2; that of Node. */
export type Subject =
  | "node"
  | "node over TLS"
  | "node over HTTP/2"
  | "scripted"
  | "chromium"
  | "chromium over HTTP/2"
  | "fetch of Node"
  | "fetch of Node, streaming"

const everyFetch = (reason: string) => ({
  "chromium": reason,
  "chromium over HTTP/2": reason,
  "fetch of Node": reason,
  "fetch of Node, streaming": reason
})

const onNodesFetch = (reason: string) => ({ "fetch of Node": reason, "fetch of Node, streaming": reason })

const inBrowsers = (reason: string) => ({ "chromium": reason, "chromium over HTTP/2": reason })

/** What a transport needs for a case, and why some have not got it. */
const table = {
  "redirects shown": everyFetch("fetch follows redirects by itself: it shows neither their number nor their faults"),
  "bound fields": everyFetch("fetch takes every field but Authorization along to another origin"),
  "upload progress": everyFetch("fetch does not say what it has sent"),
  "named connection errors": inBrowsers(
    "a browser does not say why there was no connection, so that pages learn nothing"
  ),
  "any field": inBrowsers("a browser keeps some names to itself"),
  "lengths": inBrowsers("of another origin a browser hides whether the announced length is that of the coded body"),
  "coding errors": inBrowsers("a browser undoes codings by itself, and does not tell a bad one from a cut body"),
  "connections shown": everyFetch("fetch shows no connection"),
  "separate lines": everyFetch("fetch joins lines of one name"),
  "announced bodies": {
    ...everyFetch("fetch announces no length of a streamed body"),
    scripted: "a script sees bodies and no framing"
  },
  "streams requests": {
    "chromium": "Chromium streams requests over HTTP/2 and HTTP/3 alone",
    "fetch of Node": "unless it is told to, it gathers bodies that may be sent again",
    "scripted": "a script answers once the whole body is there"
  },
  "early answers": {
    ...inBrowsers("the duplex of fetch is half: no answer is looked at before the whole body is sent"),
    "fetch of Node": "unless it is told to stream, it gathers bodies first",
    "scripted": "a script answers once the whole body is there"
  },
  "keeps bodies on redirects": onNodesFetch(
    "the fetch of Node 20 has detached the bytes that a 307 or 308 would send again"
  ),
  "keeps Streams on redirects": {
    "chromium over HTTP/2": "a body that fetch streams is sent once, so no redirect but a 303 is followed",
    "fetch of Node, streaming": "a body that fetch streams is sent once, so no redirect but a 303 is followed",
    "fetch of Node": "the fetch of Node 20 has detached the bytes that a 307 or 308 would send again"
  },
  "counts what was cut": inBrowsers("a browser drops what it holds of a response that breaks off"),
  "files": {
    ...inBrowsers("a page has no files"),
    ...onNodesFetch("the fetch transport brings none"),
    "scripted": "it brings none"
  }
} satisfies Readonly<Record<string, Readonly<Partial<Record<Subject, string>>>>>

export type Ability = keyof typeof table

/** Whether a transport can. */
export const can = (subject: Subject, ability: Ability): boolean => !(subject in table[ability])
