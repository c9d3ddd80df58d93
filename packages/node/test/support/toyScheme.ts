/** A scheme that authenticates connections, in three messages, and a server that checks it: what NTLM is, without its cryptography. */
import * as AuthenticationScheme from "@urlsession/core/AuthenticationScheme"
import * as Credential from "@urlsession/core/Credential"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { type Peer, rawServer, response } from "./rawServer.ts"

const proofOf = (nonce: string, user: string, password: string): string =>
  createHash("sha256").update(`${nonce}:${user}:${password}`).digest("hex")

/** Three messages: who I am, a nonce of this connection, the proof. */
export const toy: AuthenticationScheme.AuthenticationScheme = {
  name: "Toy",
  strength: 25,
  binding: "connection",
  hidesSecret: true,
  answers: () => true,
  begin: (_challenge, { password, user }) =>
    Effect.sync(() => {
      let nonce: string | undefined
      return {
        next: () =>
          Effect.sync(() =>
            Redacted.make(
              nonce === undefined ? `Toy hello-${user}` : `Toy ${proofOf(nonce, user, Redacted.value(password))}`
            )
          ),
        challenged: ({ token68 }) =>
          Effect.suspend(() => {
            if (token68 === undefined || nonce !== undefined) return Effect.succeed("Refused")
            if (token68 === "garbage") {
              return Effect.fail(
                new AuthenticationScheme.SchemeError({ reason: "Malformed", detail: "the second message is garbage" })
              )
            }
            nonce = token68
            return Effect.succeed("Continue")
          }),
        accepted: () => Effect.void
      }
    })
}

const passwords: Readonly<Record<string, string>> = { ada: "lovelace", bob: "builder" }

interface Seen {
  user: string | undefined
  nonce: string | undefined
  authenticated: string | undefined
}

interface Rules {
  /** It is a proxy, and says so. */
  readonly proxy?: boolean
  /** Whom it has let in, instead of an answer. */
  readonly admit?: (peer: Peer, head: string) => void
  /** What it does instead of the second message. */
  readonly second?: (peer: Peer, times: number) => boolean
  /** After the proof has come in. */
  readonly third?: (peer: Peer, times: number) => boolean
  readonly body?: string
}

/** The other side: `log` has one line a request, with the connection it came over. */
export const toyServer = (rules: Rules = {}) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const connections = new Map<Peer, Seen>()
    let [seconds, thirds] = [0, 0]
    const admit = (peer: Peer, head: string, user: string): void => {
      if (rules.admit === undefined) peer.socket.write(response(user), "latin1")
      else rules.admit(peer, head)
    }
    const server = yield* rawServer({
      onRequest: (peer, head) => {
        const seen = connections.get(peer) ?? { user: undefined, nonce: undefined, authenticated: undefined }
        connections.set(peer, seen)
        const value = (rules.proxy === true ? /^proxy-authorization: Toy (.*)$/im : /^authorization: Toy (.*)$/im).exec(
          head
        )?.[1]
        const refuse = (challenge: string): void => {
          peer.socket.write(
            response(rules.body ?? "no", {
              status: rules.proxy === true ? "407 No" : "401 No",
              fields: [`${rules.proxy === true ? "Proxy-Authenticate" : "WWW-Authenticate"}: ${challenge}`]
            }),
            "latin1"
          )
        }
        if (value === undefined) {
          log.push(`${peer.index} ${seen.authenticated ?? "-"}`)
          if (seen.authenticated === undefined) return refuse("Toy")
          return admit(peer, head, seen.authenticated)
        }
        if (value.startsWith("hello-")) {
          log.push(`${peer.index} hello`)
          if (rules.second?.(peer, ++seconds) === true) return
          seen.user = value.slice(6)
          seen.nonce = `n${peer.index}x${seconds}${Math.random().toString(36).slice(2)}`
          return refuse(`Toy ${seen.nonce}`)
        }
        if (rules.third?.(peer, ++thirds) === true) return
        const { nonce = "", user = "" } = seen
        const good = value === proofOf(nonce, user, passwords[user] ?? "")
        log.push(`${peer.index} ${good ? "good" : "bad"}`)
        if (!good) return refuse("Toy")
        seen.authenticated = user
        admit(peer, head, user)
      }
    })
    return {
      log,
      origin: server.origin,
      port: server.port,
      accepted: server.accepted,
      open: server.open,
      peers: connections
    }
  })

export const as = (user: string, password = passwords[user] ?? "") => Credential.password({ user, password })
