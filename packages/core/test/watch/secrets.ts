/**
 * Watches a whole test file: every log line, span, event, decision, HAR entry and error that comes about in it is printed in all the ways
 * that a program might, and searched for every text that was wrapped in `Redacted`. The setup of the test projects; a leak fails
 * the test that it happened in.
 */
import { wrapped } from "./recorded.ts"

import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { afterEach, expect } from "vitest"
import { HarCollector } from "../../src/internal/har/collector.ts"
import { DecisionLog } from "../../src/internal/session/decisionLog.ts"
import { DelegateQueue } from "../../src/internal/session/delegateQueue.ts"
import { leaksIn } from "./leaks.ts"

type Kind = "log" | "error" | "span" | "event" | "decision" | "HAR"

/** So many of one kind are looked at in one test: sweeps make the same ones tens of thousands of times. */
const most = 3000

const seen: Record<Kind, Array<unknown>> = { log: [], error: [], span: [], event: [], decision: [], HAR: [] }

const record = (kind: Kind, value: unknown): void => {
  if (seen[kind].length < most) seen[kind].push(value)
}

// every error of a family defines its URL, last of all
const define = Object.defineProperty
Object.defineProperty = <T>(target: T, key: PropertyKey, descriptor: PropertyDescriptor & ThisType<unknown>): T => {
  const defined = define(target, key, descriptor)
  if (key === "url" && target instanceof Error) record("error", target)
  return defined
}

for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
  const write = console[method].bind(console)
  console[method] = (...parts: ReadonlyArray<unknown>) => {
    record("log", parts)
    write(...parts)
  }
}

const emit = DelegateQueue.prototype.emit
DelegateQueue.prototype.emit = function(event, observer) {
  record("event", event)
  emit.call(this, event, observer)
}

for (const method of ["led", "about"] as const) {
  const log = DecisionLog.prototype[method]
  DecisionLog.prototype[method] = function(decision) {
    record("decision", decision)
    log.call(this, decision)
  }
}

const ended = HarCollector.prototype.ended
HarCollector.prototype.ended = function(task) {
  ended.call(this, task)
  record("HAR", Effect.runSync(this.document))
}

const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)
const make = native.span.bind(native)
Object.assign(native, {
  span: (...options: Parameters<Tracer.Tracer["span"]>) => {
    const span = make(...options)
    record("span", span)
    return span
  }
})

/** The attributes and events of a span; its parents and services are somebody else's. */
const spanText = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "attributes" in value && "events" in value && "name" in value
    ? { name: value.name, attributes: value.attributes, events: value.events }
    : undefined

const take = (kind: Kind): ReadonlyArray<unknown> => {
  const values = kind === "span" ? seen.span.map(spanText) : seen[kind]
  seen[kind] = []
  return values
}

/** What has leaked since the last time, by kind. */
export const leaked = (): ReadonlyArray<string> =>
  (["log", "error", "span", "event", "decision", "HAR"] as const).flatMap((kind) =>
    leaksIn(take(kind), wrapped).map((leak) => `${kind}: ${leak}`)
  )

afterEach(() => {
  // the secret itself is not printed here either
  expect(leaked(), "a secret in what a program may print").toEqual([])
})
