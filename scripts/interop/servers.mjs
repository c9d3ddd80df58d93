// What the interop tests meet, as Debian ships it: a file that shows that it is there, and the package that brings it.
// Where a program lies is Debian's own choice; on other systems it is looked for there as well, and not found.
import { existsSync } from "node:fs"

const apacheModule = (name) => `/usr/lib/apache2/modules/mod_${name}.so`
const lighttpdModule = (name) => `/usr/lib/lighttpd/mod_${name}.so`

/** `files`: all of them must be there for the tests of this server to run. */
export const servers = [
  {
    name: "curl",
    files: ["/usr/bin/curl"],
    packages: ["curl"]
  },
  {
    name: "apache2",
    // without `apache2` itself, which brings nothing but a system service
    files: ["/usr/sbin/apache2", apacheModule("http2"), apacheModule("ssl"), apacheModule("brotli")],
    packages: ["apache2-bin"]
  },
  {
    name: "nginx",
    files: ["/usr/sbin/nginx"],
    packages: ["nginx"]
  },
  {
    name: "lighttpd",
    files: ["/usr/sbin/lighttpd", lighttpdModule("openssl"), lighttpdModule("auth"), lighttpdModule("deflate")],
    packages: ["lighttpd", "lighttpd-mod-openssl", "lighttpd-mod-deflate"]
  },
  {
    name: "haproxy",
    files: ["/usr/sbin/haproxy"],
    packages: ["haproxy"]
  },
  {
    name: "gssapi",
    files: [apacheModule("auth_gssapi"), "/etc/gss/mech.d/mech.ntlmssp.conf"],
    packages: ["libapache2-mod-auth-gssapi", "gss-ntlmssp"]
  },
  {
    name: "squid",
    files: ["/usr/sbin/squid", "/usr/lib/squid/basic_ncsa_auth", "/usr/lib/squid/digest_file_auth"],
    packages: ["squid-openssl"]
  },
  {
    name: "tinyproxy",
    files: ["/usr/bin/tinyproxy"],
    packages: ["tinyproxy-bin"]
  },
  {
    name: "dante",
    files: ["/usr/sbin/danted"],
    packages: ["dante-server"]
  }
]

/** The servers of the list that lack a file. */
export const missing = (list = servers, exists = existsSync) =>
  list.filter((server) => server.files.some((file) => !exists(file)))

const mark = "MISSING: "

/** What is said, loudly, of servers that cannot be had, and why. */
export const notice = (absent, why) =>
  [
    `${mark}${absent.map((server) => server.name).join(", ")}: tests that need them are skipped.`,
    `  Debian's packages: ${absent.flatMap((server) => server.packages).join(" ")}`,
    ...(why === undefined ? [] : [`  not installed, since ${why.replaceAll("\n", "\n  ")}`])
  ].join("\n")

/** The notices in the output of a run: what begins with the mark, and what is indented below it. */
export const notices = (output) => {
  const lines = output.split("\n")
  const from = lines.findIndex((line) => line.startsWith(mark))
  if (from < 0) return ""
  const length = lines.slice(from + 1).findIndex((line) => !line.startsWith("  "))
  return lines.slice(from, length < 0 ? undefined : from + 1 + length).join("\n")
}
