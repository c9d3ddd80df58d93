// `cookies`: the `Cookie` field for a URL, ours and tough-cookie's, interleaved in one process. No network.
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Effect from "effect/Effect"
import { CookieJar } from "tough-cookie"
import { cpuMicros } from "./measure.mjs"
import { fixed, table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

/** @typedef {{ name: string, domains: number, each: number }} Shape */

/** @type {ReadonlyArray<Shape>} */
const shapes = [
  { name: "1 domain, 1,000 cookies", domains: 1, each: 1000 },
  { name: "1 domain, 50 cookies", domains: 1, each: 50 },
  { name: "10 domains, 100 cookies", domains: 10, each: 10 },
  { name: "1,000 domains, 10,000 cookies", domains: 1000, each: 10 }
]

const hostOf = (/** @type {number} */ index) => `www.site${index}.com`
// paths of requests repeat less often than hosts
const urlOf = (/** @type {number} */ index, /** @type {number} */ domains) =>
  `https://${hostOf(index % domains)}/a/b/${index % 97}`
const lineOf = (/** @type {number} */ index) =>
  `name${index}=value-of-some-length-${index}; Path=${index % 3 === 0 ? "/" : "/a"}; Secure; HttpOnly; Max-Age=86400`

/** @param {Shape} shape */
const ours = async ({ domains, each }) => {
  const storage = await Effect.runPromise(
    CookieStorage.makeMemory({ maximumCookiesPerDomain: each, maximumCookies: domains * each })
  )
  for (let domain = 0; domain < domains; domain++) {
    const lines = Array.from({ length: each }, (_, index) => lineOf(index))
    await Effect.runPromise(storage.setFromResponse(`https://${hostOf(domain)}/a/b`, lines))
  }
  return (/** @type {string} */ url) => Effect.runSync(storage.cookieHeader(url)) ?? ""
}

/** @param {Shape} shape */
const tough = async ({ domains, each }) => {
  const jar = new CookieJar()
  for (let domain = 0; domain < domains; domain++) {
    for (let index = 0; index < each; index++) {
      jar.setCookieSync(lineOf(index), `https://${hostOf(domain)}/a/b`)
    }
  }
  return (/** @type {string} */ url) => jar.getCookieStringSync(url)
}

/**
 * CPU microseconds for one field.
 *
 * @param {{ field: (url: string) => string, shape: Shape }} subject
 * @param {number} calls
 */
const measure = async ({ field, shape }, calls) => {
  let characters = 0
  const cpu = await cpuMicros(async () => {
    for (let i = 0; i < calls; i++) characters += field(urlOf(i, shape.domains)).length
  })
  if (characters < calls * shape.each) {
    throw new Error("there were fields without cookies")
  }
  return cpu / calls
}

/**
 * @param {import("./options.mjs").Options} options
 * @param {(text: string) => void} print
 */
export const cookies = async (options, print) => {
  const rounds = options.rounds ?? 15
  const subjects = []
  for (const shape of shapes) {
    for (const [client, make] of /** @type {const} */ ([["ours", ours], ["tough-cookie", tough]])) {
      subjects.push({ name: `${shape.name}: ${client}`, client, shape, field: await make(shape) })
    }
    const [a, b] = subjects.slice(-2).map(({ field }) => field(urlOf(0, shape.domains)))
    if (a !== b) {
      throw new Error(`${shape.name}: the two do not send the same`)
    }
  }
  const calls = (/** @type {Shape} */ shape) => options.requests ?? Math.max(300, Math.trunc(60_000 / shape.each))
  for (const subject of subjects) {
    await measure(subject, calls(subject.shape))
  }
  const figures = await interleave(subjects, rounds, (subject) => measure(subject, calls(subject.shape)), () => {})
  const of = (/** @type {string} */ shape, /** @type {string} */ client) => figures.get(`${shape}: ${client}`) ?? []
  const [, , few, many] = shapes.map(({ name }) => of(name, "ours"))
  const growth = ratio(many ?? [], few ?? [])
  print(`\ncookies: the field for one URL, ${rounds} rounds`)
  print(table(
    ["store", "ours, µs", "tough-cookie, µs", "ours / tough-cookie"],
    shapes.map(({ name }) => [
      name,
      fixed(spread(of(name, "ours")).median, 2),
      fixed(spread(of(name, "tough-cookie")).median, 2),
      withQuartiles(ratio(of(name, "ours"), of(name, "tough-cookie")), 3)
    ])
  ))
  print(`10,000 cookies over 1,000 domains cost ${withQuartiles(growth, 2)} of 100 over 10`)
  return {
    rounds,
    figures: Object.fromEntries([...figures].map(([name, values]) => [name, spread(values)])),
    growth
  }
}
