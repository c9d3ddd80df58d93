/** MD4 (RFC 1320), which NTLM hashes passwords with. Broken as a hash; nothing else here may use it. */

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

/** The message with its padding and its length in bits. */
const padded = (data: Uint8Array): DataView => {
  const length = (((data.length + 8) >> 6) + 1) << 6
  const bytes = new Uint8Array(length)
  bytes.set(data)
  bytes[data.length] = 0x80
  const view = new DataView(bytes.buffer)
  view.setUint32(length - 8, data.length << 3, true)
  view.setUint32(length - 4, Math.floor(data.length / 0x20000000), true)
  return view
}

interface Round {
  readonly mix: (x: number, y: number, z: number) => number
  readonly constant: number
  readonly order: ReadonlyArray<number>
  readonly shifts: ReadonlyArray<number>
}

const rounds: ReadonlyArray<Round> = [
  {
    mix: (x, y, z) => (x & y) | (~x & z),
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    shifts: [3, 7, 11, 19]
  },
  {
    mix: (x, y, z) => (x & y) | (x & z) | (y & z),
    constant: 0x5a827999,
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    shifts: [3, 5, 9, 13]
  },
  {
    mix: (x, y, z) => x ^ y ^ z,
    constant: 0x6ed9eba1,
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    shifts: [3, 9, 11, 15]
  }
]

/** 16 bytes. */
export const md4 = (data: Uint8Array): Uint8Array => {
  const view = padded(data)
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
  for (let block = 0; block < view.byteLength; block += 64) {
    const before = [a, b, c, d] as const
    for (const { constant, mix, order, shifts } of rounds) {
      order.forEach((word, step) => {
        const sum = (a + mix(b, c, d) + view.getUint32(block + word * 4, true) + constant) | 0
        const next = rotate(sum, shifts[step & 3] ?? 0)
        ;[a, b, c, d] = [d, next, b, c]
      })
    }
    a = (a + before[0]) | 0
    b = (b + before[1]) | 0
    c = (c + before[2]) | 0
    d = (d + before[3]) | 0
  }
  const hash = new DataView(new ArrayBuffer(16))
  ;[a, b, c, d].forEach((word, index) => hash.setUint32(index * 4, word, true))
  return new Uint8Array(hash.buffer)
}
