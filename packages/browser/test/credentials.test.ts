// Credentials in a store of the browser, encrypted by its Web Crypto.
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as BrowserCredentialStorage from "@urlsession/browser/BrowserCredentialStorage"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const space = ProtectionSpace.make({ host: "api.test", port: 443, protocol: "https", method: "Basic", realm: "api" })
const ada = Credential.password({ user: "ada", password: "lovelace", persistence: "permanent" })
const bytes = (fill: number, length = 32) => Redacted.make(new Uint8Array(length).fill(fill))

describe("a sealer of Web Crypto", () => {
  it.effect("keeps credentials in localStorage, which shows nothing of them [CRE-05]", () =>
    Effect.gen(function*() {
      localStorage.clear()
      const sealer = BrowserCredentialStorage.sealer(yield* BrowserCredentialStorage.generateKey)
      const Storage = Layer.fresh(CredentialStorage.layerKeyValueStore({ sealer })).pipe(
        Layer.provide(KeyValueStore.layerStorage(() => localStorage))
      )
      const storage = CredentialStorage.CredentialStorage
      yield* Effect.provide(Effect.flatMap(storage, (one) => one.set(ada, space)), Storage)
      const record = localStorage.getItem("urlsession.credentials") ?? ""
      assert.notInclude(atob(record), "ada")
      assert.notInclude(atob(record), "lovelace")
      const found = yield* Effect.provide(Effect.flatMap(storage, (one) => one.credentials(space)), Storage)
      const again = found.get("ada")
      assert.isTrue(again !== undefined && Credential.equals(again, ada))
      localStorage.clear()
    }))

  it.effect("opens with its own key alone, and nothing that was changed or cut", () =>
    Effect.gen(function*() {
      const sealer = BrowserCredentialStorage.sealer(yield* BrowserCredentialStorage.importKey(bytes(1)))
      const other = BrowserCredentialStorage.sealer(yield* BrowserCredentialStorage.importKey(bytes(2)))
      const sealed = yield* sealer.seal("lovelace", "x")
      assert.strictEqual(yield* sealer.open(sealed, "x"), "lovelace")
      assert.notDeepEqual(yield* sealer.seal("lovelace", "x"), sealed)
      assert.strictEqual((yield* Effect.flip(other.open(sealed, "x"))).reason, "WrongKey")
      for (let at = 0; at < sealed.length; at++) {
        const changed = Uint8Array.from(sealed, (byte, index) => index === at ? byte ^ 1 : byte)
        const { reason } = yield* Effect.flip(sealer.open(changed, "x"))
        assert.strictEqual(reason, at < 8 ? "NotCredentials" : at === 8 ? "Foreign" : "WrongKey")
        assert.match((yield* Effect.flip(sealer.open(sealed.subarray(0, at), "x"))).reason, /Damaged|WrongKey/)
      }
    }))

  it.effect("takes no other key than one of 32 bytes", () =>
    Effect.map(
      Effect.flip(BrowserCredentialStorage.importKey(bytes(1, 16))),
      ({ reason }) => assert.strictEqual(reason, "KeyUnusable")
    ))
})
