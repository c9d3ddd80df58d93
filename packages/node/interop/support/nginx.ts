/** nginx with everything that the tests ask of it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { join } from "node:path"
import { certificateFiles } from "./certificates.ts"
import { launch } from "./child.ts"
import { folder, openFolders, write } from "./folder.ts"
import { freePort } from "./ports.ts"
import { ada, files, isRoot, juergen, passwords, realm, zoe } from "./site.ts"

/** nginx at work. */
export interface Nginx {
  /** Its files, logs and certificates. */
  readonly path: string
  readonly plain: string
  /** HTTP/1.1 and HTTP/2, as the client likes. */
  readonly tls: string
  /** Answers 400 to whoever has no certificate of the clients' authority. */
  readonly mutual: string
  /** Tells whose certificate it has seen, if any. */
  readonly optional: string
  /** With a certificate that has expired. */
  readonly expired: string
  /** With a certificate for another name. */
  readonly elsewhere: string
  /** Closes connections that are idle for a moment. */
  readonly hasty: string
  /** The same over TLS: over HTTP/2 it says GOAWAY. */
  readonly hastyTls: string
  readonly accessLog: string
}

interface Ports {
  readonly plain: number
  readonly tls: number
  readonly mutual: number
  readonly optional: number
  readonly expired: number
  readonly elsewhere: number
  readonly hasty: number
  readonly hastyTls: number
}

const locations = (path: string): string => `
    root ${path}/site;
    location / { }
    location /basic/ {
      auth_basic "${realm}";
      auth_basic_user_file ${path}/passwords;
    }
    location /gzip/ {
      alias ${path}/site/;
      gzip on;
      gzip_types text/plain;
    }
    location /dav/ {
      alias ${path}/dav/;
      dav_methods PUT DELETE;
    }
    location /small/ {
      alias ${path}/dav/;
      dav_methods PUT;
      client_max_body_size 1000;
    }
    location /stalled/ {
      alias ${path}/site/;
      sendfile off;
      send_timeout 100ms;
    }
    location = /moved { return 301 /hello.txt; }
    location = /found { return 302 /moved; }
    location = /see { return 303 /hello.txt; }
    location = /temporary { return 307 /dav/temporary; }
    location = /permanent { return 308 /dav/permanent; }
    location = /loop { return 302 /loop; }
    location = /reset { return 444; }`

const server = (path: string, port: number, more: string, certificate?: string): string =>
  certificate === undefined
    ? `
  server {
    listen 127.0.0.1:${port};${more}${locations(path)}
  }`
    : `
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${path}/${certificate}.pem;
    ssl_certificate_key ${path}/${certificate}.key;${more}${locations(path)}
  }`

const clients = (path: string, mode: string): string => `
    ssl_client_certificate ${path}/clients.pem;
    ssl_verify_client ${mode};
    add_header X-Client $ssl_client_s_dn always;`

const configuration = (path: string, ports: Ports, root: boolean): string => `
daemon off;
${root ? "user root;" : ""}
worker_processes 1;
pid ${path}/nginx.pid;
error_log ${path}/error.log warn;
events { worker_connections 500; }
http {
  types { text/plain txt; application/octet-stream bin; }
  log_format brief "$remote_port $connection_requests $remote_user $request_method $request_uri $status";
  access_log ${path}/access.log brief;
  ${
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${path}/${name};`).join("\n  ")
}
  client_max_body_size 0;
  keepalive_timeout 30s;
  keepalive_requests 100000;
  reset_timedout_connection on;
  server_name_in_redirect off;
${server(path, ports.plain, "")}
${server(path, ports.hasty, "\n    keepalive_timeout 50ms;\n    keepalive_requests 7;")}
${server(path, ports.tls, "", "server")}
${server(path, ports.hastyTls, "\n    keepalive_timeout 50ms;\n    keepalive_requests 7;", "server")}
${server(path, ports.mutual, clients(path, "on"), "server")}
${server(path, ports.optional, clients(path, "optional"), "server")}
${server(path, ports.expired, "", "expired")}
${server(path, ports.elsewhere, "", "elsewhere")}
}
`

/** Starts nginx; it ends with the scope. */
export const nginx: Effect.Effect<Nginx, never, Scope.Scope> = Effect.gen(function*() {
  const path = yield* folder
  const ports: Ports = yield* Effect.all({
    plain: freePort,
    tls: freePort,
    mutual: freePort,
    optional: freePort,
    expired: freePort,
    elsewhere: freePort,
    hasty: freePort,
    hastyTls: freePort
  })
  yield* write(path, [
    ...files,
    ...yield* certificateFiles,
    { path: "nginx.conf", content: configuration(path, ports, yield* isRoot) },
    { path: "passwords", content: passwords([ada, juergen, zoe]) }
  ])
  yield* openFolders(path, ["dav"])
  yield* launch({
    command: "/usr/sbin/nginx",
    parameters: ["-p", path, "-e", join(path, "error.log"), "-c", join(path, "nginx.conf")],
    ports: Object.values(ports)
  })
  const secure = (port: number) => `https://localhost:${port}`
  return {
    path,
    plain: `http://127.0.0.1:${ports.plain}`,
    tls: secure(ports.tls),
    mutual: secure(ports.mutual),
    optional: secure(ports.optional),
    expired: secure(ports.expired),
    elsewhere: secure(ports.elsewhere),
    hasty: `http://127.0.0.1:${ports.hasty}`,
    hastyTls: secure(ports.hastyTls),
    accessLog: join(path, "access.log")
  }
})
