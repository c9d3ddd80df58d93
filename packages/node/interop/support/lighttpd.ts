/** lighttpd with everything that the tests ask of it. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch, type Running } from "./child.ts"
import { folder, openFolders, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { ada, digests, files, juergen, passwords, realm, zoe } from "./site.ts"

/** lighttpd at work. */
export interface Lighttpd {
  /** Its files, logs and certificates. */
  readonly path: string
  readonly plain: string
  /** HTTP/1.1 and HTTP/2, as the client likes. */
  readonly tls: string
  /** Written when it ends. */
  readonly accessLog: string
  /** Ends it and starts it anew: the same ports. */
  readonly restart: Effect.Effect<void>
}

interface Ports {
  readonly plain: number
  readonly tls: number
}

const modules = ["redirect", "alias", "auth", "authn_file", "deflate", "cgi", "accesslog", "openssl"]

const configuration = (path: string, ports: Ports): string => `
server.modules = (${modules.map((name) => `"mod_${name}"`).join(", ")})
server.bind = "127.0.0.1"
server.port = ${ports.plain}
server.document-root = "${path}/site"
server.pid-file = "${path}/lighttpd.pid"
server.upload-dirs = ("${path}/uploads")
# over HTTP/2 its programs answer 411 to a body whose length is not announced
server.feature-flags = ("server.h2proto" => "disable")
server.max-keep-alive-idle = 30
server.max-keep-alive-requests = 100000
mimetype.assign = (".txt" => "text/plain", ".bin" => "application/octet-stream")
accesslog.filename = "${path}/access.log"
accesslog.format = "%{remote}p %k %u %m %U?%q %s"
deflate.cache-dir = ""
$SERVER["socket"] == "127.0.0.1:${ports.tls}" {
  ssl.engine = "enable"
  ssl.pemfile = "${path}/server.pem"
  ssl.privkey = "${path}/server.key"
}
url.redirect = (
  "^/moved$" => "/hello.txt",
  "^/found$" => "/moved",
  "^/see$" => "/hello.txt",
  "^/temporary$" => "/cgi/measure",
  "^/permanent$" => "/cgi/measure",
  "^/loop$" => "/loop"
)
$HTTP["url"] == "/moved" { url.redirect-code = 301 }
$HTTP["url"] == "/found" { url.redirect-code = 302 }
$HTTP["url"] == "/see" { url.redirect-code = 303 }
$HTTP["url"] == "/temporary" { url.redirect-code = 307 }
$HTTP["url"] == "/permanent" { url.redirect-code = 308 }
$HTTP["url"] == "/loop" { url.redirect-code = 302 }
alias.url = (
  "/cgi/" => "${path}/cgi/",
  "/small/" => "${path}/cgi/",
  "/gzip/" => "${path}/site/",
  "/br/" => "${path}/site/"
)
$HTTP["url"] =~ "^/(cgi|small)/" { cgi.assign = ("" => "") }
$HTTP["url"] =~ "^/small/" { server.max-request-size = 1 }
$HTTP["url"] =~ "^/gzip/" {
  deflate.allowed-encodings = ("gzip")
  deflate.mimetypes = ("text/plain")
}
$HTTP["url"] =~ "^/br/" {
  deflate.allowed-encodings = ("br")
  deflate.mimetypes = ("text/plain")
}
auth.backend.plain.userfile = "${path}/passwords"
auth.backend.htpasswd.userfile = "${path}/passwords"
auth.backend.htdigest.userfile = "${path}/digests"
$HTTP["url"] =~ "^/basic/" {
  auth.backend = "htpasswd"
  auth.require = ("" => ("method" => "basic", "realm" => "${realm}", "require" => "valid-user"))
}
$HTTP["url"] =~ "^/digest/" {
  auth.backend = "htdigest"
  auth.require = ("" => (
    "method" => "digest",
    "algorithm" => "SHA-256",
    "realm" => "${realm}",
    "require" => "valid-user"
  ))
}
`

/** Starts lighttpd; it ends with the scope. */
export const lighttpd: Effect.Effect<Lighttpd, never, Scope.Scope> = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const path = yield* folder
  const ports: Ports = yield* Effect.all({ plain: freePort, tls: freePort })
  yield* write(path, [
    ...files,
    ...yield* certificateFiles,
    { path: "lighttpd.conf", content: configuration(path, ports) },
    { path: "passwords", content: passwords([ada, juergen, zoe]) },
    { path: "digests", content: digests([ada, juergen, zoe], "sha256") }
  ])
  yield* openFolders(path, ["uploads"])
  const start = launch({
    command: "/usr/sbin/lighttpd",
    parameters: ["-D", "-f", join(path, "lighttpd.conf")],
    ports: Object.values(ports)
  })
  let running: Running = yield* start
  return {
    path,
    plain: `http://127.0.0.1:${ports.plain}`,
    tls: `https://localhost:${ports.tls}`,
    accessLog: join(path, "access.log"),
    restart: Effect.suspend(() => running.stop).pipe(
      Effect.zipRight(Scope.extend(start, scope)),
      Effect.map((again) => {
        running = again
      })
    )
  }
})
