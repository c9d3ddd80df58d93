// The tables of the specification, and the page that says where we answer otherwise, say nothing that is not so.
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../setup.mjs"
import { countedFeatures, countedPeerTests, excused, parseTable, rowsIn } from "../specRows.mjs"

const table = (name) => parseTable(readFileSync(join(root, "scripts", "spec", `${name}.tsv`), "utf8"))
const tables = [[table("features"), countedFeatures], [table("peer-tests"), countedPeerTests]]

const testFiles = readdirSync(join(root, "packages"), { withFileTypes: true }).flatMap((entry) =>
  readdirSync(join(root, "packages", entry.name, "test"), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(root, "packages", entry.name, "test", name))
)

describe("the tables of the specification", () => {
  it("name each row once", () => {
    const ids = tables.flatMap(([rows]) => rows.map((row) => row.id))
    assert.deepStrictEqual(ids.filter((id, index) => ids.indexOf(id) !== index), [])
  })

  it("give a reason for each row that is not counted, and for no other", () => {
    for (const [rows, counted] of tables) {
      const uncounted = excused(rows, counted(rows))
      assert.isAbove(uncounted.length, 0)
      assert.deepStrictEqual(uncounted.filter((row) => row.why === "").map((row) => row.id), [])
      assert.deepStrictEqual(counted(rows).filter((row) => row.why !== "").map((row) => row.id), [])
    }
  })
})

describe("docs/differences.md", () => {
  const named = new Set(rowsIn(readFileSync(join(root, "docs", "differences.md"), "utf8")))

  it("names rows of the tables only", () => {
    const known = new Set(tables.flatMap(([rows, counted]) => counted(rows).map((row) => row.id)))
    assert.isAbove(named.size, 0)
    assert.deepStrictEqual([...named].filter((id) => !known.has(id)), [])
  })

  it("names rows that some test bears", () => {
    const held = new Set(testFiles.flatMap((path) => rowsIn(readFileSync(path, "utf8"))))
    assert.deepStrictEqual([...named].filter((id) => !held.has(id)), [])
  })
})
