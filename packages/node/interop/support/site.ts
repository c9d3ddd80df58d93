/** What every server serves, and who may see it. */
import * as Effect from "effect/Effect"
import { createHash, randomBytes } from "node:crypto"
import type { File } from "./folder.ts"

const words = "one session, many tasks; one challenge, one answer.\n"

/** Compresses well. */
export const text = words.repeat(4000)

/** Does not compress, and is longer than every buffer on its way. */
export const large = randomBytes(24 * 1024 * 1024 + 4321)

/** `sha256` in hex. */
export const digestOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

/** Tells the method, the announced length, and length and digest of the body that came. */
const measure = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf '%s %s ' "$REQUEST_METHOD" "\${CONTENT_LENGTH:-none}"
sha256sum | cut -d' ' -f1
`

/** What `measure` answers. */
export const measured = (method: string, body: Uint8Array | string, announced = true): string =>
  `${method} ${announced ? Buffer.byteLength(body) : "none"} ${digestOf(body)}\n`

/** Below the folder `site`; `inside` is shown to users only. */
export const files: ReadonlyArray<File> = [
  { path: "site/hello.txt", content: "hello\n" },
  { path: "site/text.txt", content: text },
  { path: "site/large.bin", content: large },
  { path: "site/basic/inside.txt", content: "inside\n" },
  { path: "site/digest/inside.txt", content: "inside\n" },
  { path: "site/digest/deeper/inside.txt", content: "deeper inside\n" },
  { path: "site/once/inside.txt", content: "inside\n" },
  { path: "site/short/inside.txt", content: "inside\n" },
  { path: "cgi/measure", content: measure, mode: 0o755 }
]

/** Somebody who may see all. */
export interface User {
  readonly name: string
  readonly password: string
}

export const ada: User = { name: "ada", password: "correct: horse" }

/** Neither name nor password fits into Latin-1 (RFC 7617 2.1). */
export const zoe: User = { name: "zoë…", password: "pâté €5" }

/** All of it fits into Latin-1, and the servers' files are in UTF-8. */
export const juergen: User = { name: "jürgen", password: "pässwörd" }

export const realm = "the vault"

/** A password file for Basic. SHA-1 is what all of these servers read without help of the system's `crypt`. */
export const passwords = (users: ReadonlyArray<User>): string =>
  users
    .map((user) => `${user.name}:{SHA}${createHash("sha1").update(user.password).digest("base64")}\n`)
    .join("")

/** A password file for Digest (RFC 7616 3.4.2). */
export const digests = (users: ReadonlyArray<User>, algorithm: "md5" | "sha256"): string =>
  users
    .map((user) =>
      `${user.name}:${realm}:${createHash(algorithm).update(`${user.name}:${realm}:${user.password}`).digest("hex")}\n`
    )
    .join("")

/** The user's name and password as curl takes them. */
export const asParameter = (user: User): string => `${user.name}:${user.password}`

/** Whether the tests run with the rights that let a server become somebody else. */
export const isRoot: Effect.Effect<boolean> = Effect.sync(() => process.getuid?.() === 0)
