/** The answers of a recording that have not been given yet, and what is said where there is none. */
import { displayUrl } from "../displayUrl.ts"
import { RecordingError } from "./error.ts"
import type { Entry, Recording } from "./model.ts"
import { matchesBody, matchesUrl } from "./pattern.ts"

/**
 * A request that a replay is asked to answer. `body` is `undefined` where there is none, and where bodies are not compared.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  readonly method: string
  /** Without fragment. */
  readonly url: string
  readonly body: Uint8Array | undefined
}

/** How answers are found. */
export interface AnswersOptions {
  readonly matchBody: boolean
  readonly repeat: boolean
  readonly match: ((asked: Asked, entry: Entry) => boolean) | undefined
}

const nothing = new Uint8Array(0)

/**
 * Whether method and URL are those of the entry; what was redacted in it may be anything. What a replay goes by unless said.
 *
 * @since 0.1.0
 * @category guards
 */
export const matchesRequest = (asked: Asked, entry: Entry): boolean =>
  asked.method === entry.request.method && matchesUrl(entry.request.url, asked.url)

const beforeQuery = (url: string): string => {
  const start = url.indexOf("?")
  return start < 0 ? url : url.slice(0, start)
}

const parameters = (url: string): ReadonlyArray<string> => url.slice(beforeQuery(url).length + 1).split("&")

/** By name only: a value may be a secret. */
const differing = (asked: string, recorded: string): string => {
  const known = parameters(recorded)
  const others = parameters(asked).filter((one) => !known.some((pattern) => matchesUrl(pattern, one)))
  const names = new Set(others.filter((one) => one.includes("=")).map((one) => one.slice(0, one.indexOf("="))))
  return names.size === 0 ? "another query" : `another query (${[...names].slice(0, 8).join(", ")})`
}

/** Method and URL, as they may stand in a message. */
const shown = (method: string, url: string): string => `${method} ${displayUrl(url)}`

/** See the head of this file. Sessions that share a replay share its answers. */
export class Answers {
  readonly #options: AnswersOptions
  readonly #omitted: number
  readonly #left: Array<Entry>
  readonly #given: Array<Entry> = []

  constructor(recording: Recording, options: AnswersOptions) {
    this.#options = options
    this.#omitted = recording.omitted
    this.#left = [...recording.entries]
  }

  get left(): ReadonlyArray<Entry> {
    return [...this.#left]
  }

  /** The first answer that is left for this; each is given once. */
  take(asked: Asked): Entry | RecordingError {
    const index = this.#left.findIndex((entry) => this.#matches(asked, entry))
    const [entry] = index < 0 ? [] : this.#left.splice(index, 1)
    if (entry !== undefined) {
      this.#given.push(entry)
      return entry
    }
    const again = this.#options.repeat ? this.#given.filter((one) => this.#matches(asked, one)).pop() : undefined
    return again ?? this.#none(asked)
  }

  #matches(asked: Asked, entry: Entry): boolean {
    const { match, matchBody } = this.#options
    if (!(match ?? matchesRequest)(asked, entry)) return false
    return !matchBody || matchesBody(entry.request.body ?? { _tag: "Kept", bytes: nothing }, asked.body ?? nothing)
  }

  #none(asked: Asked): RecordingError {
    return new RecordingError({
      reason: {
        _tag: "NoAnswer",
        asked: shown(asked.method, asked.url),
        detail: this.#why(asked),
        left: this.#left.map(({ request }) => shown(request.method, request.url)),
        omitted: this.#omitted
      }
    })
  }

  #why(asked: Asked): string {
    const given = this.#given.filter((entry) => this.#matches(asked, entry)).length
    if (given > 0) return given === 1 ? "the one that it has was given" : `the ${given} that it has were given`
    if (this.#options.match !== undefined) return "the match of its options accepts none for it"
    const all = [...this.#left, ...this.#given]
    if (all.some((entry) => matchesRequest(asked, entry))) return "it was recorded with another body"
    const path = all.filter((entry) => matchesUrl(beforeQuery(entry.request.url), beforeQuery(asked.url)))
    const near = path.find((entry) => entry.request.method === asked.method)
    if (near !== undefined) return `it was recorded with ${differing(asked.url, near.request.url)}`
    const methods = new Set(path.map((entry) => entry.request.method))
    return methods.size > 0
      ? `it was recorded as ${[...methods].join(" and ")}`
      : "it was not asked for while recording"
  }
}
