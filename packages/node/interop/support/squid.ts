/** squid: a proxy that knows its users by Basic, by Digest and, to look at, by NTLM. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch } from "./child.ts"
import { folder, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { ada, digests, realm, zoe } from "./site.ts"

/** squid at work. */
export interface Squid {
  readonly path: string
  /** Whoever comes may use it. */
  readonly open: number
  /** Only users. */
  readonly closed: number
  /** The same over TLS. */
  readonly secure: number
  readonly accessLog: string
}

/** What nobody may go to. */
export const forbidden = "forbidden.txt"

// crypt(3) of the passwords with SHA-512: what its helper reads on every Debian
const crypts: Readonly<Record<string, string>> = {
  [ada.name]: "$6$interop1$Ue9OqM4w/Ipza4HLXCUH/g60hzhktrBJSPJ3C1jwDG8Ei1oJ4MTiMZi8B89RvAOaAuoOqXZHA5iVgfT3e.meO/",
  [zoe.name]: "$6$interop2$Z8ErvsfQH/yxX1YZv/zLHNox5dKmZiyc0cioJNqVuQkpC1MnA3.AgIJAg7Cn8KKFms5Nx3WJM8w3nNGWg0JZ.0"
}

const configuration = (path: string, ports: Pick<Squid, "open" | "closed" | "secure">): string => `
http_port 127.0.0.1:${ports.open} name=open
http_port 127.0.0.1:${ports.closed} name=closed
https_port 127.0.0.1:${ports.secure} name=secure tls-cert=${path}/server.both.pem
pid_filename none
visible_hostname localhost
cache deny all
cache_log ${path}/log/cache.log
access_log stdio:${path}/log/access.log
coredump_dir ${path}/log
shutdown_lifetime 0 seconds
dns_v4_first on
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${path}/passwords
auth_param basic realm ${realm}
auth_param digest program /usr/lib/squid/digest_file_auth -c ${path}/digests
auth_param digest realm ${realm}
auth_param digest nonce_max_count 3
auth_param ntlm program /usr/lib/squid/ntlm_fake_auth
auth_param ntlm keep_alive on
acl open myportname open
acl forbidden url_regex ${forbidden}
acl refused port 9
acl users proxy_auth REQUIRED
http_access deny forbidden
http_access deny CONNECT refused
http_access allow open
http_access allow users
http_access deny all
`

/** Starts squid; it ends with the scope. */
export const squid: Effect.Effect<Squid, never, Scope.Scope> = Effect.gen(function*() {
  const path = yield* folder
  const ports = yield* Effect.all({ open: freePort, closed: freePort, secure: freePort })
  yield* write(path, [
    ...yield* certificateFiles,
    { path: "passwords", content: Object.entries(crypts).map(([name, crypt]) => `${name}:${crypt}\n`).join("") },
    { path: "digests", content: digests([ada], "md5") },
    { path: "log/cache.log", content: "", mode: 0o666 },
    { path: "log/access.log", content: "", mode: 0o666 },
    { path: "squid.conf", content: configuration(path, ports) }
  ])
  yield* launch({
    command: "/usr/sbin/squid",
    parameters: ["-N", "-f", join(path, "squid.conf")],
    ports: Object.values(ports)
  })
  return { path, ...ports, accessLog: join(path, "log/access.log") }
})
