import { assert, describe, it } from "@effect/vitest"
import {
  countedFeatures,
  countedPeerTests,
  coverage,
  parseTable,
  passingNames,
  rowsIn,
  unknownRows
} from "../specRows.mjs"

describe("rowsIn", () => {
  it("finds ids anywhere in a name, each as a whole word", () => {
    assert.deepStrictEqual(rowsIn("SES-01 keeps its own copy (CFG-03, TDL-04)"), ["SES-01", "CFG-03", "TDL-04"])
    assert.deepStrictEqual(rowsIn("[SES-01] SES-02: SES-03/SES-04"), ["SES-01", "SES-02", "SES-03", "SES-04"])
  })

  it("does not take a part of a longer word for an id", () => {
    for (const name of ["SES-010", "SES-1", "XSES-01", "SES-01a", "SHA-256", "a-SES-01", "ses-01", "SES-01_x"]) {
      assert.deepStrictEqual(rowsIn(name), [], name)
    }
  })

  it("does not expand a range", () => {
    assert.deepStrictEqual(rowsIn("TDL-04-07"), [])
    assert.deepStrictEqual(rowsIn("TDL-04..07"), ["TDL-04"])
    assert.deepStrictEqual(rowsIn("TDL-04 to TDL-07"), ["TDL-04", "TDL-07"])
  })

  it("finds the peer's tests by class and name", () => {
    assert.deepStrictEqual(rowsIn("a reset (TestURLSession/test_cancelTask, SES-05)"), [
      "SES-05",
      "TestURLSession/test_cancelTask"
    ])
    assert.deepStrictEqual(rowsIn("TestURLSession/test_cancelTaskTwice"), ["TestURLSession/test_cancelTaskTwice"])
    assert.deepStrictEqual(rowsIn("test_cancelTask"), [])
    assert.deepStrictEqual(rowsIn("x/TestURLSession/test_a"), [])
  })
})

describe("passingNames", () => {
  it("leaves out what failed or was skipped, and includes the describes around a test", () => {
    const test = (status, fullName) => ({ status, fullName })
    assert.deepStrictEqual(
      passingNames({
        testResults: [
          { assertionResults: [test("passed", "cookies COO-01"), test("failed", "COO-02")] },
          { assertionResults: [test("pending", "COO-03"), test("passed", "COO-04")] }
        ]
      }),
      ["cookies COO-01", "COO-04"]
    )
  })
})

describe("coverage", () => {
  const rows = parseTable(
    "id\tarea\tstate\nSES-01\tURLSession\tfull\nSES-02\tURLSession\tno\nCOO-01\tHTTPCookie\tother\n"
  )

  it("counts per area and lists what is missing", () => {
    assert.deepStrictEqual(coverage(countedFeatures(rows), new Set(["SES-01", "SES-02"])), {
      held: 1,
      rows: 2,
      areas: { URLSession: { held: 1, rows: 1 }, HTTPCookie: { held: 0, rows: 1 } },
      missing: ["COO-01"]
    })
  })

  it("counts the portable tests of the peer only", () => {
    const peer = parseTable("id\tarea\tportable\nTestA/test_a\tTestA\tyes\nTestA/test_b\tTestA\tno\n")
    assert.deepStrictEqual(countedPeerTests(peer).map((row) => row.id), ["TestA/test_a"])
  })

  it("names the ids that no table has", () => {
    assert.deepStrictEqual(unknownRows(new Set(["SES-99", "SES-01"]), new Set(rows.map((row) => row.id))), ["SES-99"])
  })
})
