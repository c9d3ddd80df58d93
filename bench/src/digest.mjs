// `digest`: a small GET that Digest protects, all clients interleaved in one process, at a server that counts and checks.
import { DigestClient } from "digest-fetch"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { HttpClient } from "urllib"
import { runChild } from "./child.mjs"
import { check, driveEffects, drivePromises } from "./clients/drive.mjs"
import { load } from "./clients/ours.mjs"
import { password, startDigestServer, user } from "./digestServer.mjs"
import { ratiosOf } from "./get.mjs"
import { cpuMicros } from "./measure.mjs"
import { fixed, table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

/** @typedef {import("./clients/drive.mjs").OpenClient["get"]} Get */
/** @typedef {(target: import("./origin.mjs").Target, connections: number) => Promise<{ get: Get, close: () => unknown }>} Opener */

/**
 * One for each loop: its counts go up when an answer has come, so two requests at a time would have the same.
 *
 * @type {Opener}
 */
const digestFetch = async (target) => {
  /** @type {Array<DigestClient>} */
  const idle = []
  return {
    get: drivePromises(async () => {
      const client = idle.pop() ?? new DigestClient(user, password, { algorithm: "MD5" })
      const response = await client.fetch(`${target.origin}/protected`)
      check(response.status, (await response.arrayBuffer()).byteLength)
      idle.push(client)
    }),
    close: () => {}
  }
}

/** @type {Opener} */
const urllib = async (target) => {
  const client = new HttpClient()
  return {
    get: drivePromises(async () => {
      const response = await client.request(`${target.origin}/protected`, { digestAuth: `${user}:${password}` })
      check(response.status, response.data.length)
    }),
    close: () => {}
  }
}

/**
 * @param {string} path
 * @returns {Opener}
 */
const ours = (path) => async (target, connections) => {
  const { ChallengeResolver, NodeTransport, SessionConfiguration, UrlSession } = await load()
  const [Credential, Disposition] = await Promise.all([
    import("@urlsession/core/Credential"),
    import("@urlsession/core/Disposition")
  ])
  const credential = Credential.password({ user, password })
  const layer = UrlSession.layer(
    SessionConfiguration.make({ httpMaximumConnectionsPerHost: connections }),
    ChallengeResolver.layer({ Digest: () => Effect.succeed(Disposition.use(credential)) })
  )
  const runtime = ManagedRuntime.make(layer.pipe(Layer.provide(NodeTransport.layer)))
  const session = await runtime.runPromise(UrlSession.UrlSession)
  const url = `${target.origin}${path}`
  return {
    get: driveEffects(
      (effect) => runtime.runPromise(effect),
      () => session.data(url),
      ([bytes, response]) => check(response.status, bytes.length)
    ),
    close: () => runtime.dispose()
  }
}

/** @type {Readonly<Record<string, Opener>>} */
const openers = {
  "digest-fetch": digestFetch,
  urllib,
  data: ours("/protected"),
  "data-unprotected": ours("/open")
}
const peers = ["digest-fetch", "urllib"]
const own = ["data"]
const unprotected = "data-unprotected"

/** @param {import("./origin.mjs").Target} target */
const counts = async (target) => {
  const response = await fetch(`${target.origin}/requests`)
  return /** @type {{ requests: number, refusals: number }} */ (await response.json())
}

/**
 * In the child: for each client CPU microseconds per request, one figure a round, and what the server saw of it.
 *
 * @param {{
 *   names: ReadonlyArray<string>, target: import("./origin.mjs").Target, rounds: number, concurrency: number, requests: number
 * }} job
 */
export const work = async ({ concurrency, names, requests, rounds, target }) => {
  const clients = []
  for (const name of names) {
    const open = await openers[name]?.(target, concurrency)
    if (open !== undefined) {
      clients.push({ name, open, wire: 0, refused: 0 })
    }
  }
  for (const { open } of [...clients, ...clients]) {
    await open.get(Math.min(requests, 2000), concurrency)
  }
  const figures = await interleave(clients, rounds, async (client) => {
    await client.open.get(Math.min(requests, concurrency * 4), concurrency)
    const before = await counts(target)
    const cpu = await cpuMicros(() => client.open.get(requests, concurrency))
    const after = await counts(target)
    client.wire += after.requests - before.requests
    client.refused += after.refusals - before.refusals
    return cpu / requests
  }, () => {})
  for (const { open } of clients) {
    await open.close()
  }
  return {
    figures: Object.fromEntries(figures),
    seen: Object.fromEntries(
      clients.map(({ name, refused, wire }) => [name, { wire: wire / rounds / requests, refused }])
    )
  }
}

/**
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const digest = async (options, { ours: built, print }) => {
  const { concurrency } = options
  const requests = options.requests ?? 2000
  const rounds = options.rounds ?? 15
  const names = built ? [...peers, ...own, unprotected] : peers
  print(
    `\ndigest: GET 1 KiB behind Digest, ${concurrency} at a time, ${rounds} rounds of ${requests} requests per client`
  )
  const server = await startDigestServer()
  try {
    /** @type {Awaited<ReturnType<typeof work>>} */
    const { figures, seen } = await runChild(new URL(import.meta.url), {
      names,
      target: server.target,
      rounds,
      concurrency,
      requests
    })
    print(table(
      ["client", "CPU us/request", ...peers.map((peer) => `/ ${peer}`), "requests/call", "refused"],
      names.map((name) => [
        name,
        withQuartiles(spread(figures[name] ?? []), 1),
        ...peers.map((peer) => withQuartiles(ratio(figures[name] ?? [], figures[peer] ?? []), 2)),
        fixed(seen[name]?.wire ?? Number.NaN, 3),
        String(seen[name]?.refused ?? "")
      ])
    ))
    const ratios = ratiosOf(built ? own : [], peers, figures, "digest")
    return built ? { ...ratios, digest: { ...ratios["digest"], wire: seen["data"]?.wire } } : ratios
  } finally {
    server.close()
  }
}
