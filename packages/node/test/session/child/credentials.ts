/**
 * A program that keeps credentials in an encrypted file: so many under its name, one write each. With a step it ends itself
 * without a word when it makes that call to the file system; a write is then half done.
 */
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as promises from "node:fs/promises"
import { credentialFile } from "../../../src/internal/credentialFile.ts"
import type { Files } from "../../../src/internal/lockedFile.ts"
import { makeSealer } from "../../../src/internal/sealer.ts"
import { atEachCall } from "../../credentials/files.ts"

const [, , path = "", name = "", count = "0", step = "0"] = process.argv

const files: Files = Number(step) === 0 ? promises : atEachCall((call, halfDone) => {
  if (call !== Number(step)) return
  halfDone?.()
  process.kill(process.pid, "SIGKILL")
})
const sealer = makeSealer({ _tag: "Bytes", bytes: Redacted.make(new Uint8Array(32).fill(7)) })
const space = ProtectionSpace.make({ host: "api.test", port: 443, protocol: "https", method: "Basic", realm: "api" })

const program = Effect.gen(function*() {
  const storage = yield* CredentialStorage.makePersistent(credentialFile(path, sealer, undefined, files))
  for (let i = 0; i < Number(count); i++) {
    const credential = Credential.password({ user: `${name}${i}`, password: "new", persistence: "permanent" })
    yield* storage.set(credential, space)
    yield* storage.flush
  }
}).pipe(Effect.scoped)

await Effect.runPromise(program)
