import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { lighttpd } from "./support/lighttpd.ts"
import { lacking } from "./support/present.ts"
import { shared } from "./support/shared.ts"
import { decoding, reading, redirecting } from "./support/transfers.ts"
import { inviting, refusing, uploading } from "./support/uploads.ts"

for (const over of ["plain", "tls"] as const) {
  describe.skipIf(lacking("lighttpd"))(`lighttpd, ${over}`, () => {
    const server = Effect.map(shared(lighttpd), (one) => ({ origin: one[over], path: one.path }))
    reading(server)
    decoding(server, ["gzip", "br"])
    redirecting(server)
    uploading(server, { chunksAreGathered: true })
    refusing(server, "POST")
    inviting(server)
  })
}
