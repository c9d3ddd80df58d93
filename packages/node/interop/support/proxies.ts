/** tinyproxy and dante: small proxies, one for HTTP, one for SOCKS 5. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { launch } from "./child.ts"
import { folder, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import type { User } from "./site.ts"

/** tinyproxy takes no blank in a password. */
export const tiny: User = { name: "ada", password: "correct-horse" }

const tinyConfiguration = (port: number, user: User | undefined): string => `
Port ${port}
Listen 127.0.0.1
Timeout 60
MaxClients 100
Allow 127.0.0.1
${user === undefined ? "" : `BasicAuth ${user.name} ${user.password}`}
`

/** Starts tinyproxy on its port; for one user alone where there is one. */
export const tinyproxy = (user: User | undefined): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const path = yield* folder
    const port = yield* freePort
    yield* write(path, [{ path: "tinyproxy.conf", content: tinyConfiguration(port, user) }])
    yield* launch({
      command: "/usr/bin/tinyproxy",
      parameters: ["-d", "-c", join(path, "tinyproxy.conf")],
      ports: [port]
    })
    return port
  })

const danteConfiguration = (path: string, port: number, method: "none" | "username"): string => `
logoutput: ${path}/dante.log
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
clientmethod: none
socksmethod: ${method}
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = 9 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 socksmethod: ${method} }
`

/** Starts dante on its port. */
export const dante = (method: "none" | "username"): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function*() {
    const path = yield* folder
    const port = yield* freePort
    yield* write(path, [{ path: "danted.conf", content: danteConfiguration(path, port, method) }])
    yield* launch({ command: "/usr/sbin/danted", parameters: ["-f", join(path, "danted.conf")], ports: [port] })
    return port
  })

/** dante knows the users of the system, so that one is made for it, and taken away again; they cannot log in. */
export const systemUser: Effect.Effect<User, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const user = { name: `interop${process.pid}`, password: "correct: horse" }
    execFileSync("/usr/sbin/useradd", ["-M", "-N", "-s", "/usr/sbin/nologin", user.name])
    execFileSync("/usr/sbin/chpasswd", { input: `${user.name}:${user.password}\n` })
    return user
  }),
  ({ name }) => Effect.sync(() => execFileSync("/usr/sbin/userdel", [name], { stdio: "ignore" }))
)
