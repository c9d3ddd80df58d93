/** haproxy, alone or in front of another server. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch, type Running } from "./child.ts"
import { folder, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { files } from "./site.ts"

/** haproxy at work. All of it answers `/hello.txt` by itself. */
export interface Haproxy {
  /** Its files and certificates. */
  readonly path: string
  readonly plain: string
  /** HTTP/1.1 and HTTP/2, as the client likes. */
  readonly tls: string
  /** Answers one request a connection. */
  readonly closing: string
  /** Closes connections that are idle for a moment. */
  readonly hasty: string
  /** Sends 103 Early Hints ahead. */
  readonly hinting: string
  /** A new process takes the sockets over, the old one ends after its last response. */
  readonly reload: Effect.Effect<void>
}

interface Ports {
  readonly plain: number
  readonly tls: number
  readonly closing: number
  readonly hasty: number
  readonly hinting: number
}

/** The text that early hints point to. */
export const hint = "</style.css>; rel=preload; as=style"

// who is behind does not know of TLS, and names itself without
const overTls = "http-response replace-header Location ^http:(.*)$ https:\\1"

const frontend = (path: string, name: string, port: number, rules: ReadonlyArray<string>, tls = "") => `
frontend ${name}
  bind 127.0.0.1:${port} ${tls}
  ${rules.join("\n  ")}
  http-request return status 200 content-type text/plain file ${path}/site/hello.txt if { path /hello.txt }
  default_backend behind
`

const configuration = (path: string, ports: Ports, behind: number | undefined): string => `
global
  stats socket ${path}/control.sock mode 600 level admin expose-fd listeners
  hard-stop-after 5s
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 30s
  option http-server-close
${frontend(path, "plain", ports.plain, [])}
${frontend(path, "tls", ports.tls, [overTls], `ssl crt ${path}/server.both.pem alpn h2,http/1.1`)}
${frontend(path, "closing", ports.closing, ["option httpclose"])}
${frontend(path, "hasty", ports.hasty, ["timeout http-keep-alive 50ms"])}
${frontend(path, "hinting", ports.hinting, [`http-request early-hint Link "${hint}"`])}
backend behind
  ${
  behind === undefined
    ? "http-request return status 404"
    : `server behind 127.0.0.1:${behind}`
}
`

/** Starts haproxy; it ends with the scope. Requests that it does not answer go to a port of this machine. */
export const haproxy = (behind?: number): Effect.Effect<Haproxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const path = yield* folder
    const ports: Ports = yield* Effect.all({
      plain: freePort,
      tls: freePort,
      closing: freePort,
      hasty: freePort,
      hinting: freePort
    })
    yield* write(path, [
      ...files,
      ...yield* certificateFiles,
      { path: "haproxy.cfg", content: configuration(path, ports, behind) }
    ])
    const start = (more: ReadonlyArray<string>) =>
      Scope.extend(
        launch({
          command: "/usr/sbin/haproxy",
          parameters: ["-db", "-f", join(path, "haproxy.cfg"), ...more],
          ports: Object.values(ports)
        }),
        scope
      )
    let running: Running = yield* start([])
    return {
      path,
      plain: `http://127.0.0.1:${ports.plain}`,
      tls: `https://localhost:${ports.tls}`,
      closing: `http://127.0.0.1:${ports.closing}`,
      hasty: `http://127.0.0.1:${ports.hasty}`,
      hinting: `http://127.0.0.1:${ports.hinting}`,
      reload: Effect.suspend(() => {
        const old = running
        return Effect.map(
          Effect.zipLeft(start(["-x", join(path, "control.sock"), "-sf", String(old.pid)]), old.ended),
          (again) => {
            running = again
          }
        )
      })
    }
  })
