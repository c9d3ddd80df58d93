import { describe } from "@effect/vitest"
import { apache } from "./support/apache.ts"
import { lacking } from "./support/present.ts"
import { shared } from "./support/shared.ts"
import { withIdentity, withoutIdentity } from "./support/trusts.ts"

describe.skipIf(lacking("apache2"))("apache2: client certificates of a virtual host", () => {
  const server = shared(apache)
  withoutIdentity(server)
  withIdentity(server)
})
