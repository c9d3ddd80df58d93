// `npm run test:interop`: our client against apache2, nginx, lighttpd and haproxy, and through squid, tinyproxy and dante, as Debian ships them, next to curl.
// Installs what is missing where it can. A server that cannot be had is named, and its tests count as skipped.
// `--report=<file>` also writes vitest's JSON report; every other argument is vitest's.
import { install } from "./interop/install.mjs"
import { missing, notice, servers } from "./interop/servers.mjs"
import { setup, tool } from "./setup.mjs"

const flag = "--report="
const report = process.argv.find((argument) => argument.startsWith(flag))?.slice(flag.length)
const rest = process.argv.slice(2).filter((argument) => !argument.startsWith(flag))

const provide = async () => {
  const wanted = missing()
  if (wanted.length === 0) return
  const why = await install(wanted.flatMap((server) => server.packages))
  const absent = missing()
  if (absent.length > 0) process.stdout.write(`${notice(absent, why)}\n`)
}

const main = async () => {
  const ready = await setup({ build: false })
  if (ready.code !== 0) {
    process.stderr.write(ready.output)
    return ready.code
  }
  await provide()
  const absent = new Set(missing())
  const present = servers.filter((server) => !absent.has(server)).map((server) => server.name)
  const { code } = await tool(
    "vitest/vitest.mjs",
    [
      "run",
      "--project=interop",
      ...(report === undefined ? [] : ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]),
      ...rest
    ],
    // vitest.workspace.ts lists the project only where this says which servers there are
    { live: true, env: { URLSESSION_INTEROP: present.join(",") } }
  )
  return code
}

process.exitCode = await main()
