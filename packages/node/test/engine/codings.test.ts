import { assert, describe, it } from "@effect/vitest"
import { ContentCodings } from "@urlsession/core/ContentCodings"
import { Digests } from "@urlsession/core/Digests"
import * as NodeContentCodings from "@urlsession/node/NodeContentCodings"
import * as NodeDigests from "@urlsession/node/NodeDigests"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { turns, until } from "../support/fakeControl.ts"

const plain = Buffer.from("Effect ".repeat(50_000))

/** Decodes pieces and tells what came of it. */
const decode = (coding: string, pieces: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function*() {
    const codings = yield* ContentCodings
    const out: Array<Buffer> = []
    let end: string | undefined
    const decoder = codings.decoder(coding, {
      onBytes: (bytes) => out.push(Buffer.from(bytes)),
      onEnd: () => {
        assert.isUndefined(end)
        end = "end"
      },
      onError: () => {
        assert.isUndefined(end)
        end = "error"
      },
      onDrain: () => {}
    })
    for (const piece of pieces) {
      const lent = Buffer.from(piece)
      decoder.write(lent)
      // what was lent is used again by its owner
      lent.fill(0)
    }
    decoder.end()
    yield* until(() => end !== undefined)
    yield* turns()
    return { end, bytes: Buffer.concat(out) }
  }).pipe(Effect.provide(NodeContentCodings.layer))

const cutUp = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

const encodings: ReadonlyArray<readonly [name: string, coding: string, encoded: Buffer]> = [
  ["gzip", "gzip", zlib.gzipSync(plain)],
  ["x-gzip", "X-GZIP", zlib.gzipSync(plain)],
  ["deflate", "deflate", zlib.deflateSync(plain)],
  ["deflate without its wrapper", "deflate", zlib.deflateRawSync(plain)],
  ["br", "br", zlib.brotliCompressSync(plain)]
]

describe("content codings", () => {
  for (const [name, coding, encoded] of encodings) {
    it.live(`undo ${name}, cut anywhere`, () =>
      Effect.gen(function*() {
        for (const size of [1, 7, 100_000]) {
          const { bytes, end } = yield* decode(coding, cutUp(encoded, size))
          assert.strictEqual(end, "end")
          assert.isTrue(bytes.equals(plain))
        }
      }))

    it.live(`tell ${name} that was cut short from a whole one`, () =>
      Effect.gen(function*() {
        const { end } = yield* decode(coding, [encoded.subarray(0, encoded.length - 5)])
        assert.strictEqual(end, "error")
      }))
  }

  it.live("refuse rubbish", () =>
    Effect.gen(function*() {
      for (const coding of ["gzip", "deflate", "br"]) {
        assert.strictEqual((yield* decode(coding, [Buffer.from("this is not compressed at all")])).end, "error")
      }
    }))

  it.live("read several gzip members, and pass over rubbish behind the last one", () =>
    Effect.gen(function*() {
      const members = Buffer.concat([zlib.gzipSync("one "), zlib.gzipSync("two")])
      assert.strictEqual((yield* decode("gzip", [members])).bytes.toString(), "one two")
      const rubbish = yield* decode("gzip", [Buffer.concat([zlib.gzipSync("one"), Buffer.from("\0\0\0\0")])])
      assert.deepStrictEqual([rubbish.end, rubbish.bytes.toString()], ["end", "one"])
    }))

  it.live("stop while they are paused, and say nothing after destroy", () =>
    Effect.gen(function*() {
      const codings = yield* ContentCodings
      let size = 0
      let calls = 0
      const decoder = codings.decoder("gzip", {
        onBytes: (bytes) => {
          size += bytes.length
          decoder.pause()
        },
        onEnd: () => calls++,
        onError: () => calls++,
        onDrain: () => {}
      })
      decoder.write(zlib.gzipSync(plain))
      decoder.end()
      yield* until(() => size > 0)
      yield* turns(20)
      assert.isBelow(size, plain.length)
      const before = size
      decoder.resume()
      yield* until(() => size > before)
      decoder.destroy()
      decoder.destroy()
      const after = size
      decoder.resume()
      yield* turns(20)
      assert.deepStrictEqual([size, calls], [after, 0])
    }).pipe(Effect.provide(NodeContentCodings.layer)))

  it.effect("are offered in the order of preference", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* ContentCodings).supported, ["gzip", "deflate", "br", "zstd"])
    }).pipe(Effect.provide(NodeContentCodings.layer)))
})

describe("hash functions", () => {
  it.effect("are those of RFC 1321 and FIPS 180-4", () =>
    Effect.gen(function*() {
      const { md5, randomHex, sha256 } = yield* Digests
      const abc = new TextEncoder().encode("abc")
      assert.strictEqual(md5(abc), "900150983cd24fb0d6963f7d28e17f72")
      assert.strictEqual(sha256(abc), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      assert.match(randomHex(16), /^[0-9a-f]{32}$/)
      assert.notStrictEqual(randomHex(16), randomHex(16))
    }).pipe(Effect.provide(NodeDigests.layer)))

  it.effect("are the same piece by piece, SHA-512/256 among them, which is no cut SHA-512", () =>
    Effect.gen(function*() {
      const { hasher, md5, sha256, sha512256 } = yield* Digests
      const bytes = new TextEncoder().encode("abc")
      assert.strictEqual(sha512256(bytes), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")
      for (const [name, whole] of [["md5", md5], ["sha256", sha256], ["sha512-256", sha512256]] as const) {
        const one = hasher(name)
        // the bytes are only lent
        const lent = new Uint8Array(1)
        for (const byte of bytes) {
          lent[0] = byte
          one.update(lent)
        }
        assert.strictEqual(one.digest(), whole(bytes))
      }
    }).pipe(Effect.provide(NodeDigests.layer)))

  it.effect("come with random bytes of any number, none of which comes twice", () =>
    Effect.gen(function*() {
      const { randomHex } = yield* Digests
      const all = Array.from({ length: 10_000 }, () => randomHex(16))
      assert.strictEqual(new Set(all).size, all.length)
      assert.isTrue(all.every((one) => /^[0-9a-f]{32}$/.test(one) && !/^0+$/.test(one)))
      for (const bytes of [1, 4095, 4096, 4097, 100_000]) assert.lengthOf(randomHex(bytes), bytes * 2)
    }).pipe(Effect.provide(NodeDigests.layer)))
})
