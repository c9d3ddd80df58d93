/** apache2 with mod_auth_gssapi and gss-ntlmssp, which checks passwords for real. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch } from "./child.ts"
import { folder, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { isRoot, type User } from "./site.ts"

/** Whom it knows; its file has no place for a colon in a password. */
export const grace: User = { name: "DOMAIN\\grace", password: "Pässw0rd of hopper" }

/** It at work. */
export interface Gssapi {
  readonly plain: string
  readonly tls: string
  readonly accessLog: string
}

const configuration = (path: string, plain: number, tls: number, root: boolean): string => `
ServerRoot "${path}"
ServerName localhost
PidFile "${path}/apache.pid"
DefaultRuntimeDir "${path}"
${root ? "User www-data\nGroup www-data" : ""}
${
  ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "mime", "ssl", "alias", "cgid"]
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    .join("\n")
}
Listen 127.0.0.1:${plain}
Listen 127.0.0.1:${tls}
ErrorLog "${path}/error.log"
LogFormat "%{local}p %k %u %m %U%q %>s" brief
CustomLog "${path}/access.log" brief
TypesConfig /dev/null
AddType text/plain .txt
ScriptSock "${path}/cgid.sock"
StartServers 1
ServerLimit 2
ThreadsPerChild 25
KeepAliveTimeout 30
DocumentRoot "${path}/site"
ScriptAlias /cgi/ "${path}/cgi/"
<Directory "${path}">
  Require all granted
</Directory>
<Location "/">
  AuthType GSSAPI
  AuthName "gss"
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  Require valid-user
</Location>
<VirtualHost 127.0.0.1:${tls}>
  SSLEngine on
  SSLCertificateFile "${path}/server.pem"
  SSLCertificateKeyFile "${path}/server.key"
</VirtualHost>
`

/** Starts it; it ends with the scope. */
export const gssapi: Effect.Effect<Gssapi, never, Scope.Scope> = Effect.gen(function*() {
  const path = yield* folder
  const [plain, tls] = yield* Effect.all([freePort, freePort])
  const [domain, name] = grace.name.split("\\")
  yield* write(path, [
    ...yield* certificateFiles,
    { path: "site/hello.txt", content: "hello\n" },
    { path: "cgi/length", content: "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nwc -c\n", mode: 0o755 },
    { path: "users", content: `${domain}:${name}:${grace.password}\n` },
    { path: "apache.conf", content: configuration(path, plain, tls, yield* isRoot) }
  ])
  yield* launch({
    command: "/usr/sbin/apache2",
    parameters: ["-D", "FOREGROUND", "-f", join(path, "apache.conf")],
    ports: [plain, tls],
    environment: { NTLM_USER_FILE: join(path, "users") }
  })
  return { plain: `http://127.0.0.1:${plain}`, tls: `https://localhost:${tls}`, accessLog: join(path, "access.log") }
})
