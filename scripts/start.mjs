// `npm start`: sets up quietly, then becomes the urlsession command with the arguments it was given.
import { spawn } from "node:child_process"
import { constants } from "node:os"
import { join } from "node:path"
import { root, setup } from "./setup.mjs"

const main = join(root, "packages", "node", "dist", "bin", "main.js")

const ready = await setup()
if (ready.code !== 0) {
  process.stderr.write(ready.output)
  process.exit(ready.code)
}

const child = spawn(process.execPath, [main, ...process.argv.slice(2)], { stdio: "inherit" })

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
