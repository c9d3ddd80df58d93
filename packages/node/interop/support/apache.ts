/** apache2 with everything that the tests ask of it. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch, type Running } from "./child.ts"
import { folder, openFolders, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { ada, digests, files, isRoot, juergen, passwords, realm, zoe } from "./site.ts"

/** apache2 at work. */
export interface Apache {
  /** Its files, logs and certificates. */
  readonly path: string
  readonly plain: string
  /** HTTP/1.1 and HTTP/2, as the client likes. */
  readonly tls: string
  /** Nobody comes in without a certificate of the clients' authority. */
  readonly mutual: string
  /** Tells whose certificate it has seen, if any. */
  readonly optional: string
  /** Closes connections that are idle for a moment. */
  readonly hasty: string
  readonly accessLog: string
  /** Ends it and starts it anew: the same ports, new secrets. */
  readonly restart: Effect.Effect<void>
}

const modules = [
  "mpm_event",
  "authn_core",
  "authn_file",
  "authz_core",
  "authz_user",
  "auth_basic",
  "auth_digest",
  "alias",
  "brotli",
  "cgid",
  "dav",
  "dav_fs",
  "deflate",
  "env",
  "filter",
  "headers",
  "http2",
  "mime",
  "setenvif",
  "socache_shmcb",
  "ssl"
]

interface Ports {
  readonly plain: number
  readonly tls: number
  readonly mutual: number
  readonly optional: number
  readonly hasty: number
}

const guarded = (path: string, location: string, rules: string): string => `
<Location "${location}">
  AuthName "${realm}"
  ${rules.replaceAll("PATH", path)}
  Require valid-user
</Location>`

const digestRules = (lifetime: number): string => `
  AuthType Digest
  AuthDigestDomain /digest/ /once/ /short/
  AuthDigestProvider file
  AuthUserFile "PATH/digests"
  AuthDigestNonceLifetime ${lifetime}`

const secure = (path: string): string => `
  SSLEngine on
  SSLCertificateFile "${path}/server.pem"
  SSLCertificateKeyFile "${path}/server.key"
  SSLCACertificateFile "${path}/clients.pem"`

const configuration = (path: string, ports: Ports, root: boolean): string => `
ServerRoot "${path}"
ServerName localhost
PidFile "${path}/apache.pid"
DefaultRuntimeDir "${path}"
${root ? "User www-data\nGroup www-data" : ""}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
${Object.values(ports).map((port) => `Listen 127.0.0.1:${port}`).join("\n")}
ErrorLog "${path}/error.log"
LogLevel warn
LogFormat "%p %k %u %m %U%q %>s" brief
CustomLog "${path}/access.log" brief
TypesConfig /dev/null
AddType text/plain .txt
AddType application/octet-stream .bin
ScriptSock "${path}/cgid.sock"
DavLockDB "${path}/dav/lock"
StartServers 1
ServerLimit 2
ThreadsPerChild 25
KeepAliveTimeout 30
MaxKeepAliveRequests 0
Protocols h2 http/1.1
SSLSessionCache none
DocumentRoot "${path}/site"
ScriptAlias /cgi/ "${path}/cgi/"
ScriptAlias /digest/measure "${path}/cgi/measure"
Alias /dav/ "${path}/dav/files/"
<Directory "${path}">
  Require all granted
</Directory>
<Location "/dav/">
  Dav On
</Location>
<Location "/small/">
  LimitRequestBody 1000
</Location>
ScriptAlias /small/ "${path}/cgi/"
<Location "/gzip/">
  SetOutputFilter DEFLATE
</Location>
Alias /gzip/ "${path}/site/"
<Location "/br/">
  SetOutputFilter BROTLI_COMPRESS
</Location>
Alias /br/ "${path}/site/"
Redirect 301 /moved /hello.txt
Redirect 302 /found /moved
Redirect 303 /see /hello.txt
Redirect 307 /temporary /cgi/measure
Redirect 308 /permanent /cgi/measure
Redirect 302 /loop /loop
${
  guarded(
    path,
    "/basic/",
    `AuthType Basic
  AuthBasicProvider file
  AuthUserFile "PATH/passwords"`
  )
}
${guarded(path, "/digest/", digestRules(300))}
${guarded(path, "/once/", digestRules(0))}
${guarded(path, "/short/", digestRules(1))}
<VirtualHost 127.0.0.1:${ports.plain}>
</VirtualHost>
<VirtualHost 127.0.0.1:${ports.hasty}>
  KeepAliveTimeout 50ms
</VirtualHost>
<VirtualHost 127.0.0.1:${ports.tls}>${secure(path)}
</VirtualHost>
<VirtualHost 127.0.0.1:${ports.mutual}>${secure(path)}
  SSLVerifyClient require
  SSLVerifyDepth 2
  Header set X-Client "%{SSL_CLIENT_S_DN_CN}s"
</VirtualHost>
<VirtualHost 127.0.0.1:${ports.optional}>${secure(path)}
  SSLVerifyClient optional
  SSLVerifyDepth 2
  Header set X-Client "%{SSL_CLIENT_S_DN_CN}s"
</VirtualHost>
`

/** Starts apache2; it ends with the scope. */
export const apache: Effect.Effect<Apache, never, Scope.Scope> = Effect.gen(function*() {
  const scope = yield* Effect.scope
  const path = yield* folder
  const ports: Ports = yield* Effect.all({
    plain: freePort,
    tls: freePort,
    mutual: freePort,
    optional: freePort,
    hasty: freePort
  })
  yield* write(path, [
    ...files,
    ...yield* certificateFiles,
    { path: "apache.conf", content: configuration(path, ports, yield* isRoot) },
    { path: "passwords", content: passwords([ada, juergen, zoe]) },
    { path: "digests", content: digests([ada, juergen, zoe], "md5") }
  ])
  yield* openFolders(path, ["dav", "dav/files"])
  const start = launch({
    command: "/usr/sbin/apache2",
    parameters: ["-DFOREGROUND", "-f", join(path, "apache.conf")],
    ports: Object.values(ports)
  })
  let running: Running = yield* start
  return {
    path,
    plain: `http://127.0.0.1:${ports.plain}`,
    tls: `https://localhost:${ports.tls}`,
    mutual: `https://localhost:${ports.mutual}`,
    optional: `https://localhost:${ports.optional}`,
    hasty: `http://127.0.0.1:${ports.hasty}`,
    accessLog: join(path, "access.log"),
    restart: Effect.suspend(() => running.stop).pipe(
      Effect.zipRight(Scope.extend(start, scope)),
      Effect.map((again) => {
        running = again
      })
    )
  }
})
