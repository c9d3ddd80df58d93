import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { apache } from "./support/apache.ts"
import { lacking } from "./support/present.ts"
import { shared } from "./support/shared.ts"
import { decoding, reading, redirecting } from "./support/transfers.ts"
import { inviting, refusing, uploading } from "./support/uploads.ts"

for (const over of ["plain", "tls"] as const) {
  describe.skipIf(lacking("apache2"))(`apache2, ${over}`, () => {
    const server = Effect.map(shared(apache), (one) => ({ origin: one[over], path: one.path }))
    reading(server)
    decoding(server, ["gzip", "br"])
    redirecting(server)
    uploading(server)
    refusing(server, "POST")
    inviting(server)
  })
}
