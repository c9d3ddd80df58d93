// Addresses: canonical text, what they hide, and their kinds.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { BlockList, isIP, SocketAddress } from "node:net"
import { type AddressKind, canonical, classify, embeddedV4, familyOf } from "../../src/internal/protocol/address.ts"

describe("addresses", () => {
  it("have one text each (RFC 5952)", () => {
    const vectors = [
      ["127.0.0.1", "127.0.0.1"],
      ["0:0:0:0:0:0:0:0", "::"],
      ["::1", "::1"],
      ["[::1]", "::1"],
      ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
      ["::ffff:1.2.3.4", "::ffff:102:304"],
      ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
      ["fe80::1%eth0", "fe80::1"],
      ["1::", "1::"]
    ] as const
    for (const [text, wanted] of vectors) assert.strictEqual(canonical(text), wanted, text)
  })

  it("are nothing else than addresses", () => {
    const none = [
      "",
      "127.1",
      "2130706433",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "127.0.0.01",
      "256.0.0.1",
      "1.2.3.4.5",
      "1.2.3.",
      " 1.2.3.4",
      ":",
      ":::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "::12345",
      "::g",
      "1:2:3:4:5:6:7:8::",
      "::1.2.3",
      "1.2.3.4::",
      "1:",
      ":1",
      "[::1",
      "::1]",
      "[1.2.3.4]",
      "example.com"
    ]
    for (const text of none) {
      assert.isUndefined(canonical(text), text)
      assert.isUndefined(classify(text), text)
    }
  })

  it("are of the kinds of the special-purpose registries", () => {
    const table: Record<AddressKind, ReadonlyArray<string>> = {
      public: [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "2606:4700::1111",
        "2001:200::1",
        "2a00::1"
      ],
      loopback: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
      private: [
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:c0a8:101::1",
        "64:ff9b:1::1",
        "fec0::1"
      ],
      "link-local": [
        "169.254.169.254",
        "fe80::1",
        "febf::1",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "::ffff:0:169.254.169.254"
      ],
      "unique-local": ["fc00::1", "fd12:3456::1"],
      shared: ["100.64.0.1", "100.127.255.255"],
      multicast: ["224.0.0.1", "239.1.1.1", "ff02::1"],
      unspecified: ["0.0.0.0", "::", "::ffff:0.0.0.0"],
      documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
      reserved: [
        "0.1.2.3",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "198.19.1.1",
        "192.88.99.1",
        "::7f00:1",
        "2001::1",
        "2001:20::1",
        "100::1",
        "5f00::1",
        "4000::1"
      ]
    }
    for (const [kind, addresses] of Object.entries(table)) {
      for (const address of addresses) assert.strictEqual(classify(address), kind, address)
    }
  })

  it("show the IPv4 address that an IPv6 address stands for", () => {
    assert.strictEqual(embeddedV4("::ffff:7f00:1"), "127.0.0.1")
    assert.strictEqual(embeddedV4("64:ff9b::169.254.169.254"), "169.254.169.254")
    assert.strictEqual(embeddedV4("2002:0a00:0001::1"), "10.0.0.1")
    assert.isUndefined(embeddedV4("2001:db8::1"))
    assert.isUndefined(embeddedV4("127.0.0.1"))
    assert.isUndefined(embeddedV4("64:ff9b:1::1"))
  })

  it.prop("a v4-mapped address is of the kind of the IPv4 one", [FastCheck.ipV4()], ([address]) => {
    assert.strictEqual(classify(`::ffff:${address}`), classify(address))
    assert.strictEqual(classify(`64:ff9b::${address}`), classify(address))
    assert.strictEqual(canonical(address), address)
  })

  it.prop("every form of an address has the text that Node's parser gives, and the same kind", [FastCheck.ipV6()], ([
    address
  ]) => {
    const text = canonical(address) ?? ""
    const block = new BlockList()
    block.addAddress(address, "ipv6")
    assert.isTrue(block.check(new SocketAddress({ address: text, family: "ipv6" })))
    assert.strictEqual(canonical(text), text)
    assert.strictEqual(classify(text), classify(address))
  })

  it.prop(
    "what Node takes for an address is one, and nothing else",
    [FastCheck.string({ unit: FastCheck.constantFrom("0", "1", "a", "f", ":", "::", ".", "255", "1.2.3.4") })],
    ([text]) => {
      assert.strictEqual(familyOf(text) ?? 0, isIP(text), text)
    }
  )
})
