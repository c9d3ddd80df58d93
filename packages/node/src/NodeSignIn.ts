/**
 * A user signs in by a browser (RFC 8252): the authorization code comes back to a port of this machine, and is worth nothing without
 * the verifier that only this process has (RFC 7636).
 *
 * @since 0.1.0
 */
import type { RedirectControl } from "@urlsession/core/Capability"
import * as OAuth from "@urlsession/core/OAuth"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { UrlSession } from "@urlsession/core/UrlSession"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/**
 * Nobody has signed in. `Refused`: the user or the server said no, and `error` is its code (RFC 6749 4.1.2.1). `TimedOut`: nobody
 * came back. `CannotListen`: there is no port to come back to.
 *
 * @since 0.1.0
 * @category errors
 */
export class SignInError extends Data.TaggedError("SignInError")<{
  readonly reason: "Refused" | "TimedOut" | "CannotListen"
  readonly error: string | undefined
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * Who signs in where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<out E, out R> {
  readonly client: OAuth.Client
  readonly authorizationEndpoint: string
  /**
   * Shows the user this URL: opens a browser, or prints it. Nothing is opened by itself.
   */
  readonly open: (url: string) => Effect.Effect<void, E, R>
  /** How long the user may take. 5 minutes. */
  readonly timeout?: Duration.DurationInput
}

const random = (bytes: number): string => randomBytes(bytes).toString("base64url")

const page = (text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign-in</title><p>${text}</p></html>`

const say = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'",
    "cache-control": "no-store",
    connection: "close"
  })
  response.end(page(text))
}

const same = (left: string, right: string): boolean => {
  const digest = (text: string) => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

/** Of what comes from outside only what can be printed, and not much of it. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200)

type Code = Deferred.Deferred<string, SignInError>

/** Only a callback with our own state is one; whatever else comes to the port changes nothing. */
const answering = (state: string, code: Code) => (request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? "/", "http://127.0.0.1")
  if (request.method !== "GET" || url.pathname !== "/callback") return say(response, 404, "There is nothing here.")
  const given = url.searchParams
  if (given.getAll("state").length !== 1 || !same(given.get("state") ?? "", state)) {
    return say(response, 400, "This is no answer to the sign-in that is under way.")
  }
  const error = given.get("error")
  const value = given.get("code")
  if (error !== null || value === null || value === "") {
    const named = error === null ? undefined : printable(error)
    const said = given.get("error_description")
    const detail = `the sign-in was refused${named === undefined ? ": no code came back" : ` (${named})`}${
      said === null ? "" : `: ${printable(said)}`
    }`
    Deferred.unsafeDone(code, Effect.fail(new SignInError({ reason: "Refused", error: named, detail })))
    return say(response, 200, "You have not been signed in. You may close this page.")
  }
  Deferred.unsafeDone(code, Effect.succeed(value))
  say(response, 200, "You have been signed in. You may close this page.")
}

/** Listens on a free port of this machine for as long as the scope is open. */
const listening = (state: string, code: Code): Effect.Effect<number, SignInError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly port: number; readonly close: () => void }, SignInError>((resume) => {
        const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 10_000 }, answering(state, code))
        const fail = (detail: string) =>
          resume(Effect.fail(new SignInError({ reason: "CannotListen", error: undefined, detail })))
        server.once("error", (error) => fail(`no port of this machine could be listened on: ${error.message}`))
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          if (address === null || typeof address === "string") return fail("the port has no number")
          const close = () => {
            server.close()
            server.closeAllConnections()
          }
          resume(Effect.succeed({ port: address.port, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ port }) => port
  )

/**
 * Signs a user in, and gives the tokens. The port is closed when this is over, however it ends. Keep `refreshToken` in a
 * `RefreshTokenStore`, and go on with `OAuth.refreshToken`.
 *
 * @example
 * ```ts
 * import { NodeSignIn } from "@urlsession/node"
 * import { Console } from "effect"
 *
 * const tokens = NodeSignIn.signIn({
 *   client: { tokenEndpoint: "https://login.example.com/token", clientId: "my-tool", scope: "read offline_access" },
 *   authorizationEndpoint: "https://login.example.com/authorize",
 *   open: (url) => Console.log(`Open ${url}`)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const signIn = <E, R>(
  options: Options<E, R>
): Effect.Effect<
  OAuth.Tokens,
  SignInError | OAuth.OAuthError | ExchangeError | E,
  UrlSession | RedirectControl | R
> =>
  Effect.gen(function*() {
    const { authorizationEndpoint, client, open } = options
    const verifier = random(32)
    const state = random(16)
    const { code, redirectUri } = yield* Effect.scoped(Effect.gen(function*() {
      const answer = yield* Deferred.make<string, SignInError>()
      const redirectUri = `http://127.0.0.1:${yield* listening(state, answer)}/callback`
      const url = new URL(authorizationEndpoint)
      const query = {
        response_type: "code",
        client_id: client.clientId,
        redirect_uri: redirectUri,
        ...(client.scope === undefined ? {} : { scope: client.scope }),
        state,
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256"
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      yield* open(url.href)
      const code = yield* Effect.timeoutFail(Deferred.await(answer), {
        duration: Duration.decode(options.timeout ?? "5 minutes"),
        onTimeout: () =>
          new SignInError({
            reason: "TimedOut",
            error: undefined,
            detail: "nobody came back from the sign-in. Begin it anew"
          })
      })
      return { code, redirectUri }
    }))
    // the scope was asked for with the code
    const { scope: _, ...asking } = client
    return yield* OAuth.request(asking, {
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier
    })
  })
