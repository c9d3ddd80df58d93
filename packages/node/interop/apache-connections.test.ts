import { describe } from "@effect/vitest"
import { apache } from "./support/apache.ts"
import { lacking } from "./support/present.ts"
import { reusing } from "./support/reuse.ts"
import { shared } from "./support/shared.ts"

describe.skipIf(lacking("apache2"))("apache2: connections", () => {
  reusing(shared(apache))
})
