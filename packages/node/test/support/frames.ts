/** Frames of HTTP/2 (RFC 9113 4.1), written byte by byte, and a server that says exactly those that a test wants. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Issued } from "./pki.ts"
import { type Peer, presenting, type RawServer, rawServer } from "./rawServer.ts"

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9
} as const

export const codes = {
  none: 0,
  protocol: 1,
  internal: 2,
  flow: 3,
  refused: 7,
  cancel: 8,
  calm: 11,
  http1: 13
} as const

const endStream = 1
const ack = 1
const endHeaders = 4

/** One frame as it came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const frame = (type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

// a string of HPACK without Huffman coding (RFC 7541 5.2)
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, "latin1")
  const length = bytes.length < 127
    ? [bytes.length]
    : [127, ...(bytes.length - 127 < 128 ? [bytes.length - 127] : sevenBits(bytes.length - 127))]
  return Buffer.concat([Buffer.from(length), bytes])
}

const sevenBits = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [(value % 128) + 128, ...sevenBits(Math.floor(value / 128))]

/** Fields without an index (RFC 7541 6.2.2), each as it is. */
export const block = (fields: ReadonlyArray<readonly [string, string]>): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))

type Fields = ReadonlyArray<readonly [string, string]>

/** HEADERS, and CONTINUATION where one frame cannot hold them. */
export const headers = (stream: number, fields: Fields, options: { readonly last?: boolean } = {}): Buffer => {
  const all = block(fields)
  const size = 16_384
  const frames: Array<Buffer> = []
  for (let at = 0; at === 0 || at < all.length; at += size) {
    const flags = (at === 0 && options.last === true ? endStream : 0) | (at + size >= all.length ? endHeaders : 0)
    frames.push(frame(at === 0 ? types.headers : types.continuation, flags, stream, all.subarray(at, at + size)))
  }
  return Buffer.concat(frames)
}

/** The head of a response. */
export const head = (stream: number, status: number, fields: Fields = [], last = false): Buffer =>
  headers(stream, [[":status", String(status)], ...fields], { last })

export const data = (stream: number, body: string | Uint8Array, last = false): Buffer =>
  frame(types.data, last ? endStream : 0, stream, typeof body === "string" ? Buffer.from(body, "latin1") : body)

/** A whole response. */
export const answer = (stream: number, body: string, fields: Fields = []): Buffer =>
  Buffer.concat([head(stream, 200, [["content-length", String(body.length)], ...fields]), data(stream, body, true)])

export const reset = (stream: number, code: number): Buffer => frame(types.reset, 0, stream, word(code))
export const goaway = (last: number, code: number): Buffer =>
  frame(types.goaway, 0, 0, Buffer.concat([word(last), word(code)]))
export const ping = (acknowledges = false, payload: Uint8Array = Buffer.alloc(8)): Buffer =>
  frame(types.ping, acknowledges ? ack : 0, 0, payload)
export const windowUpdate = (stream: number, more: number): Buffer => frame(types.window, 0, stream, word(more))
export const settingsAck: Buffer = frame(types.settings, ack, 0)

/** SETTINGS by their numbers: 3 streams at a time, 4 the window of a stream (RFC 9113 6.5.2). */
export const settings = (values: Readonly<Record<number, number>> = {}): Buffer =>
  frame(
    types.settings,
    0,
    0,
    Buffer.concat(
      Object.entries(values).map(([id, value]) => {
        const entry = Buffer.alloc(6)
        entry.writeUInt16BE(Number(id))
        entry.writeUInt32BE(value, 2)
        return entry
      })
    )
  )

/** One connection at such a server. */
export interface FramePeer {
  readonly index: number
  readonly socket: Peer["socket"]
  /** All that has come. */
  readonly frames: Array<Frame>
  readonly send: (...frames: ReadonlyArray<Uint8Array>) => void
  /** The streams that have been opened. */
  readonly streams: Array<number>
}

export const isAck = (one: Frame): boolean => (one.flags & ack) !== 0
export const isLast = (one: Frame): boolean => (one.flags & endStream) !== 0
export const codeOf = (one: Frame): number => one.payload.readUInt32BE(one.type === types.goaway ? 4 : 0)

/** The frames of one type that a peer has got. */
export const ofType = (peer: FramePeer | undefined, type: number): ReadonlyArray<Frame> =>
  (peer?.frames ?? []).filter((one) => one.type === type)

/** What such a server does. It acknowledges SETTINGS and PING by itself. */
export interface Script {
  /** Instead of empty SETTINGS, when the preface has come. */
  readonly onPreface?: (peer: FramePeer) => void
  /** The head of a request has come. */
  readonly onRequest?: (peer: FramePeer, stream: number) => void
  /** After all else that is done about it. */
  readonly onFrame?: (peer: FramePeer, one: Frame) => void
  /** PING is not answered. */
  readonly deaf?: boolean
  /** Nothing at all is said that a test does not say. */
  readonly mute?: boolean
}

export interface FrameServer extends RawServer {
  readonly connections: ReadonlyArray<FramePeer>
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length

/** Starts one. */
export const frameServer = (issued: Issued, script: Script): Effect.Effect<FrameServer, never, Scope.Scope> => {
  const connections: Array<FramePeer> = []
  const rests: Array<Buffer> = []
  const hear = (peer: FramePeer, one: Frame): void => {
    peer.frames.push(one)
    if (one.type === types.settings && !isAck(one) && script.mute !== true) peer.send(settingsAck)
    if (one.type === types.ping && !isAck(one) && script.deaf !== true) peer.send(ping(true, one.payload))
    if (one.type === types.headers && !peer.streams.includes(one.stream)) {
      peer.streams.push(one.stream)
      script.onRequest?.(peer, one.stream)
    }
    script.onFrame?.(peer, one)
  }
  const server = rawServer({
    tls: presenting(issued, { ALPNProtocols: ["h2"] }),
    onConnection: ({ index, socket }) => {
      connections[index] = {
        index,
        socket,
        frames: [],
        streams: [],
        send: (...frames) => void (socket.writable && socket.write(Buffer.concat(frames)))
      }
      rests[index] = Buffer.alloc(0)
    },
    onData: ({ index }, bytes) => {
      const peer = connections[index]
      if (peer === undefined) return
      const first = peer.frames.length === 0 && rests[index]?.length === 0
      let rest = Buffer.concat([rests[index] ?? Buffer.alloc(0), bytes])
      if (first) {
        rest = rest.subarray(preface)
        if (script.onPreface !== undefined) script.onPreface(peer)
        else if (script.mute !== true) peer.send(settings())
      }
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const end = 9 + rest.readUIntBE(0, 3)
        const one = {
          type: rest[3] ?? 0,
          flags: rest[4] ?? 0,
          stream: rest.readUInt32BE(5),
          payload: rest.subarray(9, end)
        }
        rest = rest.subarray(end)
        hear(peer, one)
      }
      rests[index] = rest
    }
  })
  return Effect.map(server, (running) => ({ ...running, connections }))
}
