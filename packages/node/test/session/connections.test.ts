import { assert, describe, it } from "@effect/vitest"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Resolver from "@urlsession/core/Resolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as NodeConnectivity from "@urlsession/node/NodeConnectivity"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { failsWith, open, withSession } from "./support.ts"

const dying = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) && Cause.isDie(exit.cause) ? Cause.pretty(exit.cause) : ""

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const closing = { status: "200 OK", fields: ["Connection: close"] }

describe("a Resolver", () => {
  it.scopedLive("of the session is asked in place of the transport's, and its answers are kept", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hi", closing)))
      const asked: Array<string> = []
      const delegate = Resolver.layer((host) => {
        asked.push(host)
        return Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])
      })
      yield* withSession(
        { delegate, transport: { lookup: () => Effect.die("asked") } },
        (session) =>
          Effect.gen(function*() {
            const url = `http://a.test:${server.port}/`
            yield* session.data(url)
            yield* session.data(url)
            assert.deepStrictEqual(asked, ["a.test"])
            yield* session.flush
            yield* session.data(url)
            assert.strictEqual(asked.length, 2)
            yield* session.reset
            yield* session.data(url)
            assert.strictEqual(asked.length, 3)
          })
      )
    }))

  it.scopedLive("whose answer cannot be connected is asked again", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hi")))
      let times = 0
      const lookup = () =>
        Effect.sync(() => [{ address: times++ === 0 ? "127.0.0.2" : "127.0.0.1", family: 4 as const }])
      yield* withSession({ transport: { lookup } }, (session) =>
        Effect.gen(function*() {
          const url = `http://a.test:${server.port}/`
          yield* failsWith(session.data(url), "ConnectionError/CannotConnectToHost")
          assert.strictEqual(text((yield* session.data(url))[0]), "hi")
        }))
    }))

  it.scopedLive("that answers with a name, or another family, has found nothing", () =>
    Effect.gen(function*() {
      const answers = [[{ address: "localhost", family: 4 as const }], [{ address: "::1", family: 4 as const }]]
      for (const answer of answers) {
        yield* withSession(
          { delegate: Resolver.layer(() => Effect.succeed(answer)) },
          (session) => failsWith(session.data("http://a.test:1/"), "ConnectionError/CannotFindHost")
        )
      }
    }))

  it.scopedLive("CFG-11 requiresDNSSECValidation wants one that validates, and says so when the session is made", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hi")))
      const configuration = { requiresDNSSECValidation: true }
      const resolve = () => Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])
      for (const delegate of [undefined, Resolver.layer(resolve)]) {
        const exit = yield* Effect.exit(open({ configuration, ...(delegate === undefined ? {} : { delegate }) }))
        assert.include(dying(exit), "validatesDnssec")
      }
      const delegate = Resolver.layer(resolve, { validatesDnssec: true })
      yield* withSession({ configuration, delegate }, (session) => session.data(`http://a.test:${server.port}/`))
    }))
})

describe("AddressPolicy.publicOnly", () => {
  const hosts = [
    "2130706433",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fec0::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "224.0.0.1",
    "255.255.255.255",
    "localhost"
  ]
  it.scopedLive("refuses every way to write an address of this machine or network, before it is connected", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("inside")))
      yield* withSession(
        { delegate: AddressPolicy.publicOnly },
        (session) =>
          Effect.forEach(
            hosts,
            (host) => failsWith(session.data(`http://${host}:${server.port}/`), "ConnectionError/AddressRefused")
          )
      )
      assert.strictEqual(server.peers.length, 0)
    }))

  it.scopedLive("is asked again when a name leads elsewhere the second time: what was judged is what is connected", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("inside", closing)))
      let times = 0
      // stands for a public address, as no test leaves this machine
      const delegate = Layer.merge(
        AddressPolicy.layer(({ address }) =>
          Effect.succeed(address === "127.0.0.1" ? AddressPolicy.allow : AddressPolicy.refuse("inside"))
        ),
        Resolver.layer(() =>
          Effect.sync(() => [{ address: times++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 as const, ttl: 0 }])
        )
      )
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const url = `http://rebind.test:${server.port}/`
          yield* session.data(url)
          yield* failsWith(session.data(url), "ConnectionError/AddressRefused")
          assert.strictEqual(times, 2)
        }))
      assert.strictEqual(server.peers.length, 1)
    }))
})

describe("the local address", () => {
  it.scopedLive("is the one that connections come from", () =>
    Effect.gen(function*() {
      const from: Array<string | undefined> = []
      const server = yield* rawServer({
        ...answering(response("hi")),
        onConnection: (peer) => from.push(peer.socket.remoteAddress)
      })
      yield* withSession({ configuration: { localAddress: "127.0.0.5" } }, (session) => session.data(server.origin))
      assert.deepStrictEqual(from, ["127.0.0.5"])
    }))

  it.scopedLive("that is not this machine's, or of another family, is CannotConnectToHost", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hi")))
      for (const localAddress of ["192.0.2.1", "::1"]) {
        const error = yield* withSession(
          { configuration: { localAddress } },
          (session) => failsWith(session.data(server.origin), "ConnectionError/CannotConnectToHost")
        )
        assert.match(error.message, /cannot be used from here|family of localAddress/)
      }
      assert.strictEqual(server.peers.length, 0)
    }))

  it.scopedLive("that is none is a defect of the configuration", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(open({ configuration: { localAddress: "eth0" } }))
      assert.include(dying(exit), "eth0")
    }))
})

describe("Unix domain sockets", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "urlsession-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )

  const listening = (path: string, heads: Array<string>) =>
    Effect.acquireRelease(
      Effect.async<net.Server>((resume) => {
        const server = net.createServer((socket) => {
          socket.on("data", (data: Buffer) => {
            heads.push(data.toString("latin1"))
            socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsocket")
          })
          socket.on("error", () => socket.destroy())
        })
        server.listen(path, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )

  it.scopedLive("are reached by the host that the configuration names, kept alive, and asked of no policy", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "s")
      const heads: Array<string> = []
      yield* listening(path, heads)
      yield* withSession({
        delegate: AddressPolicy.publicOnly,
        transport: { unixSockets: { Docker: path }, lookup: () => Effect.die("asked") }
      }, (session) =>
        Effect.gen(function*() {
          assert.strictEqual(text((yield* session.data("http://docker/v1/info"))[0]), "socket")
          const [, second] = yield* session.data("http://docker/v1/info")
          assert.isTrue((yield* second.metrics).transactions[0]?.reused)
          yield* failsWith(session.data("http://127.0.0.1:1/"), "ConnectionError/AddressRefused")
        }))
      assert.match(heads[0] ?? "", /^GET \/v1\/info HTTP\/1.1\r\nHost: docker\r\n/i)
    }))

  it.scopedLive("that are not there, are no socket, or have too long a path, are CannotConnectToHost", () =>
    Effect.gen(function*() {
      const root = yield* folder
      writeFileSync(join(root, "file"), "")
      const unixSockets = { none: join(root, "none"), file: join(root, "file"), long: `/${"x".repeat(200)}` }
      yield* withSession(
        { transport: { unixSockets } },
        (session) =>
          Effect.forEach(
            Object.keys(unixSockets),
            (host) => failsWith(session.data(`http://${host}/`), "ConnectionError/CannotConnectToHost")
          )
      )
    }))
})

describe("NET-09 TransportSecurity.strict over real handshakes", () => {
  it.scopedLive("lets a strong certificate through, and refuses what has no forward secrecy before a byte is sent", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
      const good = yield* rawServer({ ...answering(response("hi")), tls: presenting(leaf) })
      const trust = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
      yield* withSession(
        { delegate: Layer.merge(trust, TransportSecurity.strict) },
        (session) => session.data(`https://localhost:${good.port}/`)
      )
      const tls13 = TransportSecurity.layer({ minimumTlsVersion: "TLSv1.3" })
      const old = yield* rawServer({
        ...answering(response("hi")),
        tls: { ...presenting(leaf), maxVersion: "TLSv1.2" }
      })
      yield* withSession(
        { delegate: Layer.merge(trust, tls13) },
        (session) => failsWith(session.data(`https://localhost:${old.port}/`), "TlsError/SecureConnectionFailed")
      )
      assert.isTrue(old.peers.every((peer) => peer.received === ""))
    }))
})

describe("NodeConnectivity", () => {
  const one = (address: string, internal = false) => [{ address, internal }]
  it("calls an interface a way where more than its own link knows its address (CFG-12)", () => {
    const paths = NodeConnectivity.pathsOf({
      lo: one("127.0.0.1", true),
      eth0: one("192.0.2.1"),
      eth1: one("fe80::1"),
      eth2: one("169.254.7.7"),
      eth3: undefined,
      wwan0: [...one("fe80::2"), ...one("2001:db8::1")]
    }, (name) => name === "wwan0" ? { cellular: true } : {})
    assert.deepStrictEqual(paths, [{ name: "eth0" }, { name: "wwan0", cellular: true }])
  })

  it("leaves out what the program leaves out (CFG-09)", () => {
    assert.deepStrictEqual(NodeConnectivity.pathsOf({ docker0: one("172.17.0.1") }, () => undefined), [])
  })
})
