// Our own Zstandard decoder, against the frames of the reference encoder and against bytes that mean harm.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { readFileSync } from "node:fs"
import { ZstdDecoder } from "../../src/internal/zstdDecoder.ts"
import { frames } from "./zstdFrames.ts"

interface Decoded {
  readonly bytes: Buffer
  readonly end: "end" | "error" | "truncated" | undefined
  readonly cause?: unknown
}

/** Decodes pieces at once. */
const decode = (pieces: Iterable<Uint8Array>): Decoded => {
  const out: Array<Buffer> = []
  let end: Decoded["end"]
  let cause: unknown
  const decoder = new ZstdDecoder({
    onBytes: (bytes) => out.push(Buffer.from(bytes)),
    onEnd: () => {
      assert.isUndefined(end)
      end = "end"
    },
    onError: (error, truncated) => {
      assert.isUndefined(end)
      cause = error
      end = truncated ? "truncated" : "error"
    },
    onDrain: () => {}
  })
  for (const piece of pieces) {
    const lent = Buffer.from(piece)
    decoder.write(lent)
    lent.fill(0)
  }
  decoder.end()
  return { bytes: Buffer.concat(out), end, cause }
}

const cutUp = function*(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe("Zstandard (RFC 8878)", () => {
  for (const { encoded, name, plain } of frames) {
    it(`undoes ${name}, cut anywhere (NET-01)`, () => {
      for (const size of [1, 3, 1000, 1_000_000]) {
        if (size === 1 && encoded.length > 20_000) continue
        const { bytes, cause, end } = decode(cutUp(encoded, size))
        assert.strictEqual(end, "end", String(cause))
        assert.isTrue(bytes.equals(plain), `${size}`)
      }
    })

    it(`tells ${name} that was cut short from a whole one`, () => {
      for (const left of [1, 3, 5, encoded.length >> 1, encoded.length - 1]) {
        assert.strictEqual(decode([encoded.subarray(0, left)]).end, left === 0 ? "end" : "truncated", `${left}`)
      }
    })
  }

  const whole = frames[0]
  if (whole === undefined) throw new Error("there are no frames")
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

  it("reads frames in a row, and passes over skippable ones", () => {
    const three = Buffer.concat([skippable, whole.encoded, skippable, whole.encoded])
    assert.isTrue(decode([three]).bytes.equals(Buffer.concat([whole.plain, whole.plain])))
    assert.strictEqual(decode([skippable]).end, "end")
    assert.strictEqual(decode([skippable.subarray(0, 9)]).end, "truncated")
    assert.strictEqual(decode([]).end, "truncated")
  })

  const frame = (descriptor: ReadonlyArray<number>, ...blocks: ReadonlyArray<ReadonlyArray<number>>) =>
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...descriptor, ...blocks.flat()])
  const rle = (count: number, last: boolean) => {
    const header = (count << 3) | 2 | (last ? 1 : 0)
    return [header & 0xff, (header >> 8) & 0xff, header >> 16, 0x41]
  }

  const bad: ReadonlyArray<readonly [string, Buffer]> = [
    ["rubbish", Buffer.from("this is not compressed at all")],
    ["a window of 16 MiB (RFC 9659 3)", frame([0, 14 << 3], rle(1, true))],
    ["a dictionary", frame([1, 0x38, 7], rle(1, true))],
    ["a reserved bit", frame([8, 0x38], rle(1, true))],
    ["a block type that is not defined", frame([0, 0x38], [7, 0, 0, 0])],
    ["a block of more than 128 KiB", frame([0, 0x38], rle(128 * 1024 + 1, true))],
    ["another length than it says", frame([0x20, 5], rle(6, true))],
    ["a match before the first byte", frame([0, 0x38], [0x4d, 0, 0, 0x08, 0x41, 1, 0x54, 5, 0, 0, 1, 1, 1])]
  ]
  for (const [name, bytes] of bad) {
    it(`refuses ${name}`, () => {
      assert.strictEqual(decode([bytes]).end, "error")
    })
  }

  it("takes the largest window, and runs of one byte", () => {
    assert.strictEqual(
      decode([frame([0, 13 << 3], rle(100_000, false), rle(3, true))]).bytes.toString(),
      "A".repeat(100_003)
    )
  })

  it("comes to an end with a block that claims more sequences than it has bits, and gives nothing for it", () => {
    // raw literals of one byte, 98,303 sequences of runs that cost no bits and match what is far behind
    const sequences = [0xff, 0xff, 0xff, 0x54, 0, 0, 52, 1]
    const block = [0x08, 0x41, ...sequences]
    const header = (block.length << 3) | 4 | 1
    const result = decode([frame([0, 0x38], rle(1000, false), [header & 0xff, header >> 8, 0, ...block])])
    assert.strictEqual(result.end, "error")
    assert.isBelow(result.bytes.length, 200_000)
  })

  it("stops while it is paused, keeps what comes meanwhile, and says nothing after destroy", () => {
    const large = frames.find((one) => one.plain.length > 1_000_000)
    if (large === undefined) throw new Error("no frame is large")
    let size = 0
    let ends = 0
    let drains = 0
    const decoder = new ZstdDecoder({
      onBytes: (bytes) => {
        size += bytes.length
        decoder.pause()
      },
      onEnd: () => ends++,
      onError: (cause) => assert.fail(String(cause)),
      onDrain: () => drains++
    })
    for (const piece of cutUp(large.encoded, 1000)) decoder.write(piece)
    decoder.end()
    assert.isAtMost(size, 128 * 1024)
    for (let turn = 0; turn < 1000 && ends === 0; turn++) decoder.resume()
    assert.deepStrictEqual([size, ends], [large.plain.length, 1])
    decoder.destroy()
    decoder.resume()
    assert.strictEqual(ends, 1)
    assert.isAtMost(drains, 1)
  })

  it.prop(
    "is an error or an end for bytes that were changed, and never throws",
    [
      FastCheck.constantFrom(...frames),
      FastCheck.array(FastCheck.tuple(FastCheck.nat(), FastCheck.nat(255)), { minLength: 1, maxLength: 4 })
    ],
    ([{ encoded }, changes]) => {
      const changed = Buffer.from(encoded.subarray(0, 20_000))
      for (const [at, byte] of changes) changed[at % changed.length] = byte
      assert.isDefined(decode([changed]).end)
    }
  )

  it("is exercised with frames of the reference encoder that are kept beside this test", () => {
    assert.isTrue(readFileSync(new URL("./zstdFrames.ts", import.meta.url), "utf8").length > 1000)
  })
})
