/**
 * The client side of SOCKS 5 (RFC 1928), with a user name and password (RFC 1929), as a value that is given bytes and says what
 * to write. The destination goes as a name, which the proxy resolves.
 */
import { isIP } from "node:net"

/** What to do next. */
export type SocksStep =
  | { readonly _tag: "Write"; readonly bytes: Uint8Array }
  | { readonly _tag: "More" }
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Failed"; readonly detail: string }

/** User and password, as bytes. */
export interface SocksUser {
  readonly user: Uint8Array
  readonly password: Uint8Array
}

const failed = (detail: string): SocksStep => ({ _tag: "Failed", detail })
const more: SocksStep = { _tag: "More" }

const replies: Readonly<Record<number, string>> = {
  1: "it failed in general",
  2: "its rules do not allow this connection",
  3: "it cannot reach the network",
  4: "it cannot reach the host",
  5: "the connection was refused",
  6: "the time to live ran out",
  7: "it does not know the command",
  8: "it does not know this kind of address"
}

const v6Bytes = (host: string): ReadonlyArray<number> => {
  // the URL parser writes every address in one way, so that only `::` is left to be filled in
  const text = new URL(`http://[${host}]/`).hostname.slice(1, -1)
  const [left = "", right] = text.split("::")
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16))
  const [before, after] = [groups(left), right === undefined ? [] : groups(right)]
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after].flatMap((group) => [
    group >> 8,
    group & 0xff
  ])
}

const destination = (host: string): ReadonlyArray<number> => {
  switch (isIP(host)) {
    case 4:
      return [1, ...host.split(".").map(Number)]
    case 6:
      return [4, ...v6Bytes(host)]
    default: {
      const name = new TextEncoder().encode(host)
      return [3, name.length, ...name]
    }
  }
}

/** See the head of this file. */
export class Socks5 {
  readonly #host: string
  readonly #port: number
  readonly #user: SocksUser | undefined
  #phase: "method" | "password" | "reply" | "over" = "method"
  #bytes: Uint8Array = new Uint8Array(0)

  /** A host of at most 255 bytes; a user and a password of 1 to 255 bytes each. */
  constructor(host: string, port: number, user: SocksUser | undefined) {
    this.#host = host
    this.#port = port
    this.#user = user
  }

  /** What is written first. */
  get greeting(): Uint8Array {
    return this.#user === undefined ? Uint8Array.of(5, 1, 0) : Uint8Array.of(5, 2, 0, 2)
  }

  /** Takes what has come. Bytes behind the last reply are a failure: nobody has asked yet. */
  execute(bytes: Uint8Array): SocksStep {
    const all = new Uint8Array(this.#bytes.length + bytes.length)
    all.set(this.#bytes)
    all.set(bytes, this.#bytes.length)
    this.#bytes = all
    switch (this.#phase) {
      case "method":
        return all.length < 2 ? more : this.#method(all)
      case "password":
        return all.length < 2 ? more : this.#password(all)
      case "reply":
        return this.#reply(all)
      case "over":
        return failed("it sent more than its answer")
    }
  }

  #method(all: Uint8Array): SocksStep {
    const [version, method] = all
    if (version !== 5) return failed("it does not speak SOCKS 5")
    if (all.length > 2) return failed("it answered before it was asked")
    this.#bytes = new Uint8Array(0)
    if (method === 0) return this.#connect()
    const user = this.#user
    if (method !== 2 || user === undefined) {
      return failed(
        user === undefined ? "it wants a user and a password. Give the proxy a credential" : "it takes no password"
      )
    }
    this.#phase = "password"
    return {
      _tag: "Write",
      bytes: Uint8Array.of(1, user.user.length, ...user.user, user.password.length, ...user.password)
    }
  }

  #password(all: Uint8Array): SocksStep {
    if (all[1] !== 0) return failed("it refused the user or the password")
    if (all.length > 2) return failed("it answered before it was asked")
    this.#bytes = new Uint8Array(0)
    return this.#connect()
  }

  #connect(): SocksStep {
    this.#phase = "reply"
    return {
      _tag: "Write",
      bytes: Uint8Array.of(5, 1, 0, ...destination(this.#host), this.#port >> 8, this.#port & 0xff)
    }
  }

  #reply(all: Uint8Array): SocksStep {
    const [version, reply, , kind, first = 0] = all
    if (version !== undefined && version !== 5) return failed("it does not speak SOCKS 5")
    if (reply !== undefined && reply !== 0) {
      this.#phase = "over"
      return failed(replies[reply] ?? `it failed with ${reply}`)
    }
    if (all.length < 5) return more
    const address = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? 1 + first : undefined
    if (address === undefined) return failed("its answer makes no sense")
    const length = 4 + address + 2
    if (all.length < length) return more
    this.#phase = "over"
    return all.length > length ? failed("it sent more than its answer") : { _tag: "Connected" }
  }
}
