// The command line.
import { parseArgs } from "node:util"
import { clientNames } from "./clients/index.mjs"

export const usage = `usage: npm run bench -- <command>... [options]

commands
  get             GET of 1 KiB with the whole body, all clients in one process, rounds interleaved
  get-tls         the same over TLS
  download        256 MiB to a sink, a fresh process per client and round, plain and over TLS
  download-plain  only plain
  download-tls    only over TLS
  upload          1 GiB out of a file, a fresh process per client and round
  digest          GET of 1 KiB behind Digest authentication, at a server that lets no count pass twice
  cookies         the Cookie field for a URL, ours and tough-cookie's, by the size of the store
  cache           a hit of 1 KiB in memory, among 1, 1,000 and 10,000 entries
  h2              GET of 1 KiB over one connection of HTTP/2
  scale           ours alone: from 1 to 1,024 requests at a time, and over 1 to 512 hosts
  sessions        sessions opened, used and closed: handles and retained heap
  gate            interpreter steps and heap bytes of one small GET; exit code 1 above the limits
  all             all of them but gate

options
  --rounds <n>       rounds (get 15, download 9)
  --concurrency <n>  connections and requests at a time for get (64)
  --requests <n>     requests per client and round for get (2000), hits for cache (5000); sessions for sessions (2000)
  --bytes <n>        size of a download (268435456) or an upload (1073741824)
  --clients <a,b>    only these clients
  --json             one JSON object on standard output and nothing else
  --help`

const commands = [
  "get",
  "get-tls",
  "download",
  "download-plain",
  "download-tls",
  "upload",
  "digest",
  "cookies",
  "cache",
  "h2",
  "scale",
  "sessions",
  "gate"
]

/**
 * @typedef {object} Options
 * @property {ReadonlyArray<string>} commands
 * @property {number | undefined} rounds
 * @property {number} concurrency
 * @property {number | undefined} requests
 * @property {number | undefined} bytes
 * @property {ReadonlyArray<string> | undefined} clients
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * @param {string} name
 * @param {string | undefined} text
 */
const positive = (name, text) => {
  if (text === undefined) {
    return undefined
  }
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${name} takes a whole number of at least 1, not "${text}"`)
  }
  return value
}

/** @param {string | undefined} text */
const namesOf = (text) => {
  const names = text?.split(",").map((name) => name.trim()).filter((name) => name !== "")
  const unknown = names?.find((name) => !clientNames.includes(name))
  if (unknown !== undefined) {
    throw new Error(`there is no client "${unknown}"; there are ${clientNames.join(", ")}`)
  }
  return names
}

/** @param {string} command */
const expand = (command) => {
  switch (command) {
    case "all":
      return [
        "get",
        "get-tls",
        "download-plain",
        "download-tls",
        "upload",
        "digest",
        "cache",
        "h2",
        "scale",
        "sessions"
      ]
    case "download":
      return ["download-plain", "download-tls"]
    default:
      if (!commands.includes(command)) {
        throw new Error(`there is no command "${command}"`)
      }
      return [command]
  }
}

/**
 * @param {ReadonlyArray<string>} argv
 * @returns {Options}
 */
export const parseOptions = (argv) => {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      concurrency: { type: "string" },
      requests: { type: "string" },
      bytes: { type: "string" },
      clients: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  return {
    commands: [...new Set(positionals.flatMap(expand))],
    rounds: positive("rounds", values.rounds),
    concurrency: positive("concurrency", values.concurrency) ?? 64,
    requests: positive("requests", values.requests),
    bytes: positive("bytes", values.bytes),
    clients: namesOf(values.clients),
    json: values.json ?? false,
    help: values.help ?? false
  }
}
