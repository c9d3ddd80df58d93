/** The certificates of the tests, made once a process. */
import * as Effect from "effect/Effect"
import { makeAuthority } from "../../../../examples/support/pki.ts"
import type { File } from "./folder.ts"

const made = (async () => {
  const root = await makeAuthority({ commonName: "Interop Root" })
  const clients = await makeAuthority({ commonName: "Interop Clients" })
  const strangers = await makeAuthority({ commonName: "Interop Strangers" })
  return {
    root,
    clients,
    server: await root.issue({ names: ["localhost", "127.0.0.1"] }),
    /** For `localhost`, and out of date. */
    expired: await root.issue({
      names: ["localhost"],
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter: new Date("2020-02-01T00:00:00Z")
    }),
    /** For another name. */
    elsewhere: await root.issue({ names: ["elsewhere.example"] }),
    ada: await clients.issue({ commonName: "ada", usage: "client" }),
    /** Of an authority that no server here knows. */
    stranger: await strangers.issue({ commonName: "stranger", usage: "client" })
  }
})()

export const certificates = Effect.promise(() => made)

/** The files that servers and curl are pointed to. */
export const certificateFiles: Effect.Effect<ReadonlyArray<File>> = Effect.map(
  certificates,
  ({ ada, clients, elsewhere, expired, root, server, stranger }) => [
    { path: "root.pem", content: root.cert },
    { path: "clients.pem", content: clients.cert },
    ...Object.entries({ server, expired, elsewhere, ada, stranger }).flatMap(([name, issued]) => [
      { path: `${name}.pem`, content: issued.chain },
      { path: `${name}.key`, content: issued.key, mode: 0o600 },
      // certificate and key in one: what haproxy takes
      { path: `${name}.both.pem`, content: issued.chain + issued.key, mode: 0o600 }
    ])
  ]
)
