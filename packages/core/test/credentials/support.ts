/** A place in memory, that can be made to fail. */
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"

export const lovelace = Credential.password({ user: "ada", password: "lovelace", persistence: "permanent" })
export const builder = Credential.password({ user: "bob", password: "builder", persistence: "permanent" })

export class MemoryPlace implements CredentialStorage.Place {
  readonly where = "memory"
  text: string | undefined
  writes = 0
  failing = false

  readonly read = Effect.sync(() => this.text)
  readonly update: CredentialStorage.Place["update"] = (change) =>
    Effect.suspend(() => {
      if (this.failing) {
        return Effect.fail(new CredentialStorage.CredentialStorageError({ where: this.where, reason: "Unwritable" }))
      }
      return Effect.map(change(this.text), (text) => {
        if (text === undefined) return
        this.text = text
        this.writes++
      })
    })
}
