// `upload`: a large file to a server, in a fresh process per client and round; curl beside it.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { execFile } from "node:child_process"
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { request as httpRequest } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Agent, request } from "undici"
import { runChild } from "./child.mjs"
import { load, sessionLayer } from "./clients/ours.mjs"
import { ratiosOf } from "./get.mjs"
import { cpuMicros } from "./measure.mjs"
import { table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte
const run = promisify(execFile)

/** @typedef {(url: string, path: string, bytes: number) => Promise<string>} Send gives what the server says it got */

/**
 * @param {"file" | "stream"} kind
 * @param {import("./origin.mjs").Target} target
 */
const ours = async (kind, target) => {
  const { UrlSession } = await load()
  const RequestBody = await import("@urlsession/core/RequestBody")
  const layer = Layer.merge(await sessionLayer(target, 1), NodeFileSystem.layer)
  const runtime = ManagedRuntime.make(layer)
  const session = await runtime.runPromise(UrlSession.UrlSession)
  /** @type {Send} */
  const send = (url, path, bytes) => {
    const body = kind === "file"
      ? RequestBody.file(path)
      : Effect.map(
        FileSystem.FileSystem,
        (fs) => RequestBody.stream(fs.stream(path, { chunkSize: FileSystem.KiB(64) }), { length: bytes })
      )
    return runtime.runPromise(
      Effect.map(
        Effect.flatMap(body, (one) => session.upload(HttpClientRequest.put(url), one)),
        ([answer]) => new TextDecoder().decode(answer)
      )
    )
  }
  return { send, close: () => runtime.dispose() }
}

const node = async () => {
  /** @type {Send} */
  const send = (url, path, bytes) =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest(url, { method: "PUT", headers: { "content-length": bytes } }, (response) => {
        response.setEncoding("utf8")
        let text = ""
        response.on("data", (/** @type {string} */ chunk) => {
          text += chunk
        })
        response.on("end", () => resolve(text))
      })
      outgoing.on("error", reject)
      createReadStream(path).pipe(outgoing)
    })
  return { send, close: async () => {} }
}

const undici = async () => {
  const dispatcher = new Agent({ connections: 1, pipelining: 1 })
  /** @type {Send} */
  const send = async (url, path, bytes) => {
    const headers = { "content-length": String(bytes) }
    const { body } = await request(url, { dispatcher, method: "PUT", headers, body: createReadStream(path) })
    return body.text()
  }
  return { send, close: () => dispatcher.destroy() }
}

/** @type {Readonly<Record<string, (target: import("./origin.mjs").Target) => Promise<{ send: Send, close: () => Promise<unknown> }>>>} */
const openers = {
  "node:http": node,
  "undici.request": undici,
  "upload-file": (target) => ours("file", target),
  "upload-stream": (target) => ours("stream", target)
}

/**
 * In the child. Loading the client's modules is not counted; opening the file and connecting are.
 *
 * @param {{ name: string, target: import("./origin.mjs").Target, path: string, bytes: number }} job
 * @returns {Promise<{ cpu: number, memory: number }>}
 */
export const work = async ({ bytes, name, path, target }) => {
  const client = await openers[name]?.(target)
  if (client === undefined) {
    throw new Error(`there is no client "${name}"`)
  }
  let answer = ""
  const cpu = await cpuMicros(async () => {
    answer = await client.send(`${target.origin}/sink`, path, bytes)
  })
  if (answer !== String(bytes)) {
    throw new Error(`${name}: the server got ${answer} of ${bytes} bytes`)
  }
  const memory = process.resourceUsage().maxRSS
  await client.close()
  return { cpu, memory }
}

/**
 * curl, as the shell measures it: user and system time of the whole process.
 *
 * @param {string} url
 * @param {string} path
 */
const curl = async (url, path) => {
  const script = "TIMEFORMAT='%U %S'; time curl -sS --noproxy '*' -H 'Expect:' -o /dev/null -T \"$0\" \"$1\""
  const { stderr } = await run("bash", ["-c", script, path, url])
  const [user = Number.NaN, system = Number.NaN] = stderr.trim().split(" ").map(Number)
  if (!Number.isFinite(user + system)) {
    throw new Error(`curl failed: ${stderr}`)
  }
  return { cpu: (user + system) * 1e6, memory: Number.NaN }
}

/** @param {string} command */
const exists = (command) => run(command, ["--version"]).then(() => true, () => false)

/**
 * @param {string} path
 * @param {number} bytes
 */
const writeFile = async (path, bytes) => {
  const file = await open(path, "wx")
  const block = Buffer.alloc(mebibyte, "0123456789abcdef!")
  for (let left = bytes; left > 0; left -= block.length) {
    await file.write(block, 0, Math.min(left, block.length))
  }
  await file.close()
}

/**
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const upload = async (target, options, { ours: built, print }) => {
  const bytes = options.bytes ?? gibibyte
  const rounds = options.rounds ?? 9
  const peers = [...(await exists("curl") ? ["curl"] : []), "node:http", "undici.request"]
  const own = built ? ["upload-file", "upload-stream"] : []
  const names = [...peers, ...own]
  print(`\nupload: ${bytes / mebibyte} MiB out of a file, one connection, ${rounds} rounds, a fresh process each`)
  const folder = mkdtempSync(join(tmpdir(), "urlsession-bench-"))
  const path = join(folder, "file")
  /** @type {Map<string, Array<number>>} */
  const memory = new Map(names.map((name) => [name, []]))
  try {
    await writeFile(path, bytes)
    const measured = await interleave(names.map((name) => ({ name })), rounds, async ({ name }) => {
      const answer = name === "curl"
        ? await curl(`${target.origin}/sink`, path)
        : await runChild(new URL(import.meta.url), { name, target, path, bytes })
      memory.get(name)?.push(answer.memory / 1024)
      return answer.cpu / 1e6 * (gibibyte / bytes)
    }, () => {})
    const figures = Object.fromEntries(measured)
    print(table(
      ["client", "CPU s/GiB", ...peers.map((peer) => `/ ${peer}`), "peak MiB"],
      names.map((name) => {
        const peak = spread(memory.get(name) ?? []).median
        return [
          name,
          withQuartiles(spread(figures[name] ?? []), 2),
          ...peers.map((peer) => withQuartiles(ratio(figures[name] ?? [], figures[peer] ?? []), 2)),
          Number.isFinite(peak) ? peak.toFixed(0) : ""
        ]
      })
    ))
    return ratiosOf(own, peers, figures, "upload")
  } finally {
    rmSync(folder, { recursive: true })
  }
}
