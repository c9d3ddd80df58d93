// Makes a checkout ready to run: dependencies when they are missing or older than the lockfile, then an incremental build.
import { spawn } from "node:child_process"
import { existsSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Where reports and caches of the tools go; as perishable as node_modules itself. */
export const cache = join(root, "node_modules", ".cache", "urlsession")

const minimumNode = [20, 19]

/** Runs a command and gives its exit code and its whole output; `live` shows the output as it comes. */
export const run = (command, args, { live = false, timeout, env } = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
      // A group of its own, so that a step out of time ends with all that it started.
      detached: timeout !== undefined
    })
    const output = []
    let late = false
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      late = true
      kill(child)
    }, timeout)
    const stop = (signal) => {
      kill(child)
      process.kill(process.pid, signal)
    }
    if (timeout !== undefined) { for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop) }
    const end = (code, text) => {
      clearTimeout(timer)
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop)
      resolve({ code, output: text })
    }
    child.stdout?.on("data", (chunk) => output.push(chunk))
    child.stderr?.on("data", (chunk) => output.push(chunk))
    child.on("error", (error) => end(127, `${command}: ${error.message}\n`))
    child.on("close", (code, signal) => {
      const text = Buffer.concat(output).toString()
      if (late) return end(124, `${text}\nstopped after ${timeout / 1000} s\n`)
      end(code ?? 128, signal === null ? text : `${text}\nended by ${signal}\n`)
    })
  })

const kill = (child) => {
  try {
    process.kill(-child.pid, "SIGKILL")
  } catch {
    child.kill("SIGKILL")
  }
}

/** Runs the `bin` of a development dependency without npx, whose start costs half a second. */
export const tool = (path, args, options) =>
  run(process.execPath, [join(root, "node_modules", ...path.split("/")), ...args], options)

/** npm keeps this file's time at the end of each install. */
const installed = join(root, "node_modules", ".package-lock.json")

const stale = () =>
  !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs

/** Installs and builds as far as needed. `quiet`: says nothing unless something fails. */
export const setup = async ({ quiet = true, build = true } = {}) => {
  const version = process.versions.node.split(".").map(Number)
  if (version[0] < minimumNode[0] || (version[0] === minimumNode[0] && version[1] < minimumNode[1])) {
    return { code: 1, output: `Node ${minimumNode.join(".")} or newer is needed, this is ${process.versions.node}.\n` }
  }
  if (stale()) {
    if (!existsSync(installed)) process.stderr.write("installing dependencies (once)\n")
    const install = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { live: !quiet })
    if (install.code !== 0) return { ...install, output: `npm ci failed\n${install.output}` }
    // What was compiled against the older dependencies is not reused.
    rmSync(join(cache, "tsc"), { recursive: true, force: true })
  }
  if (!build) return { code: 0, output: "" }
  if (!existsSync(join(root, "packages", "core", "dist", ".tsbuildinfo"))) process.stderr.write("building (once)\n")
  const built = await tool("typescript/bin/tsc", ["-b", "tsconfig.build.json"], { live: !quiet })
  return built.code === 0 ? built : { ...built, output: `tsc -b failed\n${built.output}` }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, output } = await setup({ quiet: !process.argv.includes("--verbose") })
  if (code !== 0) process.stderr.write(output)
  process.exitCode = code
}
