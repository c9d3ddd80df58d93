/** The conformance suite: what every transport does alike, run on each of them; `abilities.ts` lists what some cannot do. */
import { describe, layer } from "@effect/vitest"
import type * as Layer from "effect/Layer"
import type { Subject } from "./abilities.ts"
import { bodies } from "./bodies.ts"
import { challenges } from "./challenges.ts"
import { endings } from "./endings.ts"
import { events } from "./events.ts"
import { failures } from "./failures.ts"
import { casesOf, type Environment } from "./harness.ts"
import { redirects } from "./redirects.ts"
import { requests } from "./requests.ts"
import { responses } from "./responses.ts"

const parts = { requests, responses, bodies, redirects, challenges, endings, failures, events }

/** What is tested: a transport, and an origin that it can reach. */
export interface Options {
  readonly subject: Subject
  readonly layer: Layer.Layer<Environment>
}

export const conformance = (options: Options): void =>
  void layer(options.layer, { excludeTestServices: true })(`conformance of ${options.subject}`, (it) => {
    const cases = casesOf(it, options.subject)
    for (const [name, part] of Object.entries(parts)) describe(name, () => part(cases))
  })
