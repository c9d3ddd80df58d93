// `npm start`: sets up quietly, then becomes the urlsession command with the arguments it was given. It is the one of
// `examples`, which without a URL downloads from an origin of its own; the published command has no origin.
import { spawn } from "node:child_process"
import { constants } from "node:os"
import { join } from "node:path"
import { root, setup } from "./setup.mjs"

const main = join(root, "examples", "dist", "demo.js")

const ready = await setup()
if (ready.code !== 0) {
  process.stderr.write(ready.output)
  process.exit(ready.code)
}

const child = spawn(process.execPath, [main, ...process.argv.slice(2)], {
  stdio: "inherit",
  // npm runs scripts in the root: paths on the command line are those of where it was called
  cwd: process.env.INIT_CWD ?? process.cwd()
})

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the whole group, so the child has it already.
    if (signal === "SIGINT" && process.stdin.isTTY) return
    child.kill(signal)
  })
}

child.on("error", (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
