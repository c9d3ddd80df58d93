/** What servers can present, right and wrong in one way or in two, and what a session says of it. */
import { make, ocsp, purposes } from "../support/certificates.ts"
import {
  below,
  early,
  elsewhere,
  expired,
  future,
  host,
  leaf,
  noConnection,
  past,
  type Row,
  self,
  strange,
  through,
  unknownRoot,
  untrusted
} from "./certificateRows.ts"

const fine: ReadonlyArray<Row> = [
  { name: "a leaf below a root", presented: below() },
  { name: "a leaf below an intermediate", presented: through({}) },
  { name: "a leaf with an RSA key", presented: below({ key: "RSA-2048" }) },
  {
    name: "an intermediate that allows no other below it, and has none",
    presented: async ({ between, root }) => ({ chain: [await make(leaf(), between), between], roots: [root] })
  },
  {
    name: "a root that the server sends needlessly",
    presented: async ({ root }) => ({ chain: [await make(leaf(), root), root], roots: [root] })
  },
  {
    name: "an intermediate that is itself named as a root",
    presented: async ({ between }) => ({ chain: [await make(leaf(), between), between], roots: [between] })
  },
  {
    name: "an intermediate that is itself named as a root, and that the server does not send",
    presented: async ({ between }) => ({ chain: [await make(leaf(), between)], roots: [between] })
  },
  {
    name: "a leaf that is itself named as a root",
    presented: async ({ between }) => {
      const one = await make(leaf(), between)
      return { chain: [one, between], roots: [one] }
    }
  },
  { name: "one of several names", presented: below({ names: ["a.test", host, "b.test"] }) },
  { name: "a wildcard for one label", presented: below({ names: ["*.example.test"] }) },
  { name: "a name in other case", presented: below({ names: ["WWW.Example.TEST"] }) },
  { name: "an IPv4 address", host: "127.0.0.1", presented: below({ names: ["127.0.0.1"] }) },
  { name: "an IPv6 address", host: "[::1]", presented: below({ names: ["::1"] }) },
  { name: "a leaf without a purpose", presented: below({ purposes: [] }) },
  {
    name: "a leaf without basicConstraints",
    presented: async ({ root }) => ({ chain: [await make({ names: [host] }, root)], roots: [root] })
  },
  {
    name: "a self-signed leaf that is itself trusted",
    presented: async () => {
      const one = await make(leaf())
      return { chain: [one], roots: [one] }
    }
  },
  {
    name: "a self-signed authority that is itself trusted",
    presented: async () => {
      const one = await make({ names: [host], authority: true, usage: 0x86 })
      return { chain: [one], roots: [one] }
    }
  },
  { name: "names that an authority permits", presented: through({ permitted: ["example.test"] }) },
  { name: "names that an authority does not exclude", presented: through({ excluded: ["other.test"] }) },
  {
    name: "an address that an authority permits",
    host: "127.0.0.1",
    presented: through({ permitted: ["127.0.0.0/255.0.0.0"] }, { names: ["127.0.0.1"] })
  },
  {
    name: "a root that is signed with SHA-1",
    presented: async () => {
      const root = await make({ authority: true, key: "RSA-2048", hash: "SHA-1" })
      return { chain: [await make(leaf(), root), root], roots: [root] }
    }
  },
  {
    name: "a staple that says it is good",
    presented: async ({ root }) => {
      const of = await make(leaf(), root)
      return { chain: [of, root], roots: [root], stapled: await ocsp({ of, issuer: root, status: "good" }) }
    }
  },
  {
    name: "a staple that is no OCSP response",
    presented: async (world) => ({ ...await below()(world), stapled: Uint8Array.of(0x30, 0x03, 1, 2, 3) })
  },
  {
    name: "a staple that says it is revoked, and is not its authority's",
    presented: async ({ root, stranger }) => {
      const of = await make(leaf(), root)
      return {
        chain: [of, root],
        roots: [root],
        stapled: await ocsp({ of, issuer: root, responder: stranger, status: "revoked" })
      }
    }
  }
]

const names: ReadonlyArray<Row> = [
  { name: "another name", presented: below(elsewhere), refused: untrusted("WrongName", "WrongName") },
  {
    name: "the common name only",
    presented: below({ names: [], commonName: host }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "no name at all",
    presented: below({ names: [], commonName: "x" }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "another name, and the right common name",
    presented: below({ ...elsewhere, commonName: host }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for the name without a label",
    host: "example.test",
    presented: below({ names: ["*.example.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for two labels",
    host: "a.www.example.test",
    presented: below({ names: ["*.example.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for a part of a label",
    presented: below({ names: ["w*.example.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for the middle of a label",
    presented: below({ names: ["w*w.example.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard that is not the first label",
    presented: below({ names: ["www.*.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for a whole top level",
    host: "example.test",
    presented: below({ names: ["*.test"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for everybody below a registry",
    host: "example.co.uk",
    presented: below({ names: ["*.co.uk"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a wildcard for everything",
    host: "localhost",
    presented: below({ names: ["*"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  { name: "two wildcards", presented: below({ names: ["*.*.test"] }), refused: untrusted("WrongName", "WrongName") },
  {
    name: "another IPv4 address",
    host: "127.0.0.1",
    presented: below({ names: ["127.0.0.2"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "another IPv6 address",
    host: "[::1]",
    presented: below({ names: ["::2"] }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "an address as the common name",
    host: "127.0.0.1",
    presented: below({ names: [], commonName: "127.0.0.1" }),
    refused: untrusted("WrongName", "WrongName")
  },
  {
    name: "a name for an address",
    host: "127.0.0.1",
    presented: below({ names: ["localhost"] }),
    refused: untrusted("WrongName", "WrongName")
  }
]

const chains: ReadonlyArray<Row> = [
  { name: "an unknown root", presented: strange(), refused: unknownRoot() },
  {
    name: "an unknown root that the server sends",
    presented: strange({}, true),
    refused: untrusted("Unknown", "Untrusted")
  },
  { name: "a self-signed leaf", presented: self(), refused: untrusted("SelfSigned", "Untrusted") },
  {
    name: "a missing intermediate",
    presented: async ({ between, root }) => ({ chain: [await make(leaf(), between)], roots: [root] }),
    refused: unknownRoot()
  },
  { name: "an expired leaf", presented: below(past), refused: expired() },
  { name: "a leaf of tomorrow", presented: below(future), refused: early() },
  { name: "an expired intermediate", presented: through(past), refused: expired() },
  { name: "an intermediate of tomorrow", presented: through(future), refused: early() },
  {
    name: "an expired root",
    presented: async () => {
      const root = await make({ authority: true, ...past })
      return { chain: [await make(leaf(), root)], roots: [root] }
    },
    refused: expired()
  },
  {
    name: "a leaf for clients",
    presented: below({ purposes: [purposes.client] }),
    refused: untrusted("Usage", "WrongUsage")
  },
  {
    name: "an intermediate for clients",
    presented: through({ purposes: [purposes.client] }),
    refused: untrusted("Usage", "WrongUsage")
  },
  {
    name: "an authority as a leaf",
    presented: below({ authority: true, usage: 0x86 }),
    refused: untrusted("Usage", "WrongUsage")
  },
  {
    name: "a leaf that signs another",
    presented: through({ authority: false, usage: 0x86 }),
    refused: untrusted("InvalidChain", "InvalidChain", "WrongUsage")
  },
  {
    name: "an authority that may not sign others",
    presented: through({ usage: 0x02 }),
    refused: untrusted("Unknown", "Untrusted")
  },
  {
    name: "an authority below one that allows none",
    presented: async ({ between, root }) => {
      const deeper = await make({ commonName: "Deeper", authority: true }, between)
      return { chain: [await make(leaf(), deeper), deeper, between], roots: [root] }
    },
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "a name that an authority may not give",
    presented: through({ permitted: ["other.test"] }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "one permitted name, and one that is not",
    presented: through({ permitted: ["example.test"] }, { names: [host, "evil.test"] }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "a name that an authority excludes",
    presented: through({ excluded: ["www.example.test"] }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "a wildcard that stands for an excluded name among others",
    presented: through({ excluded: ["mail.example.test"] }, { names: ["*.example.test"] }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "an expired leaf that is itself named as a root",
    presented: async ({ between }) => {
      const one = await make(leaf(past), between)
      return { chain: [one, between], roots: [one] }
    },
    refused: expired()
  },
  {
    name: "an address that an authority may not give",
    host: "127.0.0.1",
    presented: through({ permitted: ["10.0.0.0/255.0.0.0"] }, { names: ["127.0.0.1"] }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "a critical extension that nobody knows",
    presented: below({ critical: "1.3.6.1.4.1.99999.1" }),
    refused: untrusted("InvalidChain", "InvalidChain")
  },
  {
    name: "a signature of another authority with the same name",
    presented: async ({ root }) => {
      const impostor = await make({ commonName: "Table Root", authority: true })
      return { chain: [await make(leaf(), impostor)], roots: [root] }
    },
    refused: untrusted("Unknown", "Untrusted")
  }
]

const weak: ReadonlyArray<Row> = [
  { name: "an RSA key of 1024 bits", presented: below({ key: "RSA-1024" }), refused: untrusted("WeakKey", "WeakKey") },
  {
    name: "an intermediate with an RSA key of 1024 bits",
    presented: through({ key: "RSA-1024" }),
    refused: untrusted("WeakKey", "WeakKey")
  },
  {
    name: "a leaf that is signed with SHA-1",
    presented: async () => {
      const root = await make({ authority: true, key: "RSA-2048" })
      return { chain: [await make(leaf({ hash: "SHA-1" }), root)], roots: [root] }
    },
    refused: untrusted("WeakKey", "WeakKey")
  },
  {
    name: "an intermediate that is signed with SHA-1",
    presented: async () => {
      const root = await make({ authority: true, key: "RSA-2048" })
      const between = await make({ authority: true, hash: "SHA-1" }, root)
      return { chain: [await make(leaf(), between), between], roots: [root] }
    },
    refused: untrusted("WeakKey", "WeakKey")
  },
  {
    name: "a server of TLS 1.0 only",
    presented: async (world) => ({ ...await below()(world), tls: { minVersion: "TLSv1", maxVersion: "TLSv1" } }),
    refused: noConnection
  },
  {
    name: "a server of TLS 1.1 only",
    presented: async (world) => ({ ...await below()(world), tls: { minVersion: "TLSv1.1", maxVersion: "TLSv1.1" } }),
    refused: noConnection
  }
]

const revoked: ReadonlyArray<Row> = [
  {
    name: "a staple that says it is revoked",
    presented: async ({ root }) => {
      const of = await make(leaf(), root)
      return { chain: [of, root], roots: [root], stapled: await ocsp({ of, issuer: root, status: "revoked" }) }
    },
    refused: untrusted("Revoked", "Revoked")
  },
  {
    name: "a staple of a delegate that says it is revoked",
    presented: async ({ root }) => {
      const of = await make(leaf(), root)
      const responder = await make({ commonName: "Responder", authority: false, purposes: [purposes.ocsp] }, root)
      return {
        chain: [of, root],
        roots: [root],
        stapled: await ocsp({ of, issuer: root, responder, status: "revoked" })
      }
    },
    refused: untrusted("Revoked", "Revoked")
  },
  {
    name: "an old staple that says it is revoked",
    presented: async ({ root }) => {
      const of = await make(leaf(), root)
      return {
        chain: [of],
        roots: [root],
        stapled: await ocsp({ of, issuer: root, status: "revoked", from: -9, to: -3 })
      }
    },
    refused: untrusted("Revoked", "Revoked")
  }
]

const double: ReadonlyArray<Row> = [
  { name: "expired, of an unknown root", presented: strange(past), refused: unknownRoot("Expired") },
  {
    name: "expired, of an unknown root that is sent",
    presented: strange(past, true),
    refused: untrusted("Unknown", "Untrusted", "Expired")
  },
  { name: "another name, of an unknown root", presented: strange(elsewhere), refused: unknownRoot("WrongName") },
  {
    name: "expired, another name",
    presented: below({ ...past, ...elsewhere }),
    refused: untrusted("WrongName", "WrongName", "Expired")
  },
  {
    name: "of tomorrow, another name",
    presented: below({ ...future, ...elsewhere }),
    refused: untrusted("WrongName", "WrongName", "NotYetValid")
  },
  {
    name: "expired, another name, of an unknown root",
    presented: strange({ ...past, ...elsewhere }),
    refused: unknownRoot("WrongName", "Expired")
  },
  {
    name: "self-signed, another name",
    presented: self(elsewhere),
    refused: untrusted("SelfSigned", "Untrusted", "WrongName")
  },
  { name: "self-signed, expired", presented: self(past), refused: untrusted("SelfSigned", "Untrusted", "Expired") },
  {
    name: "expired, for clients",
    presented: below({ ...past, purposes: [purposes.client] }),
    refused: expired("WrongUsage")
  },
  {
    name: "expired, a name that its authority may not give",
    presented: through({ permitted: ["other.test"] }, past),
    refused: untrusted("InvalidChain", "InvalidChain", "Expired")
  },
  {
    name: "expired, an authority as a leaf",
    presented: below({ ...past, authority: true, usage: 0x86 }),
    refused: expired("WrongUsage")
  },
  {
    name: "expired, an RSA key of 1024 bits",
    presented: below({ ...past, key: "RSA-1024" }),
    refused: untrusted("WeakKey", "WeakKey", "Expired")
  },
  {
    name: "another name, an RSA key of 1024 bits",
    presented: below({ ...elsewhere, key: "RSA-1024" }),
    refused: untrusted("WeakKey", "WeakKey", "WrongName")
  },
  {
    name: "of an unknown root, an RSA key of 1024 bits",
    presented: strange({ key: "RSA-1024" }),
    refused: unknownRoot("WeakKey")
  },
  {
    name: "expired and revoked",
    presented: async ({ root }) => {
      const of = await make(leaf(past), root)
      return { chain: [of, root], roots: [root], stapled: await ocsp({ of, issuer: root, status: "revoked" }) }
    },
    refused: untrusted("Revoked", "Revoked", "Expired")
  },
  {
    name: "an expired intermediate, another name",
    presented: through(past, elsewhere),
    refused: untrusted("WrongName", "WrongName", "Expired")
  }
]

export const groups: Readonly<Record<string, ReadonlyArray<Row>>> = {
  "what is fine": fine,
  names,
  chains,
  "strength": weak,
  "revocation": revoked,
  "two faults at once": double
}
