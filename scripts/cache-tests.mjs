// `npm run test:cache -- <checkout of http-tests/cache-tests>`: the public conformance suite of HTTP caches, as it tests browsers,
// over one session of NodeSession.layer() with its cache and its cookies. Prints what is missed, and counts by kind as the
// suite does: a test whose dependency fails has failed. `--without-cookies`: the same over a session without any; `--disk`: with
// files and no memory.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { setup } from "./setup.mjs"

const [checkout] = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const cookies = !process.argv.includes("--without-cookies")
const directory = process.argv.includes("--disk") ? mkdtempSync(join(tmpdir(), "cache-tests-")) : undefined

const freePort = () =>
  new Promise((found) => {
    const probe = createServer().listen(0, () => {
      const { port } = probe.address()
      probe.close(() => found(port))
    })
  })

const pidfile = (port) => join(tmpdir(), `cache-tests-${port}.pid`)

/** The suite's own server, when it listens. */
const serve = (folder, port) =>
  new Promise((listening, failed) => {
    const child = spawn(process.execPath, [join(folder, "test-engine/server/server.mjs")], {
      env: {
        ...process.env,
        npm_config_protocol: "http",
        npm_config_port: String(port),
        npm_config_pidfile: pidfile(port)
      },
      stdio: ["ignore", "pipe", "inherit"]
    })
    child.on("exit", () => failed(new Error("the suite's server has ended")))
    child.stdout.on("data", (text) => String(text).includes("Listening") && listening(child))
  })

/** Fetch's cache modes that the suite uses, as policies of ours. */
const policies = { "no-cache": "reloadRevalidatingCacheData", reload: "reloadIgnoringLocalAndRemoteCacheData" }

/** A fetch over one session; `close` ends the session. */
const session = async () => {
  const [{ Effect, ManagedRuntime }, { HttpClientRequest }, { RequestOptions, SessionConfiguration, UrlSession }] =
    await Promise.all([import("effect"), import("@effect/platform"), import("@urlsession/core")])
  const { NodeSession, NodeUrlCache } = await import("@urlsession/node")
  const configuration = SessionConfiguration.make(
    cookies ? {} : { httpCookieAcceptPolicy: "never", httpShouldSetCookies: false }
  )
  const files = directory === undefined ? undefined : NodeUrlCache.layer({ directory, memoryCapacity: 0 })
  const runtime = ManagedRuntime.make(NodeSession.layer(configuration, files))
  const fetch = async (url, { body, cache, headers, method = "GET", signal } = {}) => {
    const fields = Object.fromEntries(new Headers(headers))
    const bare = HttpClientRequest.make(method)(url).pipe(HttpClientRequest.setHeaders(fields))
    const request = body === undefined
      ? bare
      : HttpClientRequest.bodyText(bare, body, fields["content-type"] ?? "text/plain")
    const asked = Effect.flatMap(UrlSession.UrlSession, ({ data }) => data(request))
    const cachePolicy = policies[cache]
    const [bytes, response] = await runtime.runPromise(
      cachePolicy === undefined ? asked : RequestOptions.with({ cachePolicy })(asked),
      { signal }
    )
    const { reason, status } = response
    const text = new TextDecoder().decode(bytes)
    return {
      status,
      statusText: reason,
      headers: new Headers([...response.headers]),
      text: () => Promise.resolve(text)
    }
  }
  return { fetch, close: () => runtime.dispose() }
}

const passed = new Set(["✅", "Y"])

const main = async () => {
  if (checkout === undefined) {
    process.stderr.write("name the folder of a checkout of https://github.com/http-tests/cache-tests\n")
    return 2
  }
  const ready = await setup({ build: true })
  if (ready.code !== 0) {
    process.stderr.write(ready.output)
    return ready.code
  }
  const folder = resolve(checkout)
  const load = (path) => import(pathToFileURL(join(folder, path)).href)
  const [{ default: suites }, { getResults, runTests }, { determineTestResult }] = await Promise.all(
    ["tests/index.mjs", "test-engine/client/runner.mjs", "test-engine/lib/results.mjs"].map(load)
  )
  const port = await freePort()
  const server = await serve(folder, port)
  server.removeAllListeners("exit")
  const { close, fetch } = await session()
  // some versions of the suite call the one that they are given, some the global one
  globalThis.fetch = fetch
  try {
    await runTests(suites, fetch, true, `http://localhost:${port}`)
  } finally {
    await close()
    server.kill()
    rmSync(pidfile(port), { force: true })
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  }
  const results = getResults()
  const counts = new Map()
  for (const test of suites.flatMap((suite) => suite.tests)) {
    const result = results[test.id]
    if (result === undefined) continue
    const kind = test.kind ?? "required"
    const count = counts.get(kind) ?? { passed: 0, of: 0 }
    counts.set(kind, count)
    count.of++
    if (passed.has(determineTestResult(suites, test.id, results)[2])) count.passed++
    else process.stdout.write(`${kind} ${test.id}: ${result === true ? "a dependency fails" : result.join(": ")}\n`)
  }
  for (const [kind, count] of counts) process.stdout.write(`${kind}: ${count.passed} of ${count.of}\n`)
  return 0
}

process.exitCode = await main()
