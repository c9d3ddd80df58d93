/** What NTLM makes its messages of. */

export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** UTF-16 in little endian, which the protocol calls Unicode. */
export const utf16 = (text: string): Uint8Array => {
  const view = new DataView(new ArrayBuffer(text.length * 2))
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true)
  return new Uint8Array(view.buffer)
}

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16))

export const uint16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff)

export const uint32 = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff)

/** HMAC (RFC 2104) over a hash with blocks of 64 bytes. */
export const hmac = (
  hash: (data: Uint8Array) => Uint8Array,
  key: Uint8Array,
  ...parts: ReadonlyArray<Uint8Array>
): Uint8Array => {
  const short = key.length > 64 ? hash(key) : key
  const pad = (byte: number) => Uint8Array.from({ length: 64 }, (_, index) => (short[index] ?? 0) ^ byte)
  return hash(concat(pad(0x5c), hash(concat(pad(0x36), ...parts))))
}
