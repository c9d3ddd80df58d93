import { assert, describe, it } from "@effect/vitest"
import { obstacle } from "../interop/install.mjs"
import { missing, notice, notices, servers } from "../interop/servers.mjs"

describe("the servers of the interop tests", () => {
  it("are missing as soon as one of their files is", () => {
    assert.deepStrictEqual(missing(servers, () => true), [])
    assert.deepStrictEqual(missing(servers, () => false), servers)
    const lacking = missing(servers, (file) => !file.endsWith("mod_openssl.so"))
    assert.deepStrictEqual(lacking.map((server) => server.name), ["lighttpd"])
  })

  it("are installed by root, where there is apt", () => {
    assert.isUndefined(obstacle(() => true, 0))
    assert.match(obstacle(() => true, 1000), /root/)
    assert.match(obstacle(() => false, 0), /apt-get/)
  })

  it("are named in the output of a run where they are missing, with the reason, and nothing else is taken from it", () => {
    const [one, ...others] = servers
    const said = notice([one, ...others], "apt-get update failed:\nno network")
    for (const { name, packages } of servers) {
      assert.include(said, name)
      assert.include(said, packages.join(" "))
    }
    assert.strictEqual(notices(`installing\n${said}\n RUN  v3\n\n  2 passed\n`), said)
    assert.strictEqual(notices(said), said)
    assert.strictEqual(notices(" RUN  v3\n\n  2 passed\n"), "")
  })
})
