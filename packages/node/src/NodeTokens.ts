/**
 * Tokens that all processes of a machine share through a file, so that one of them refreshes for all.
 *
 * @since 0.1.0
 */
import * as Credential from "@urlsession/core/Credential"
import type * as OAuth from "@urlsession/core/OAuth"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type FileFailure, lockedFile } from "./internal/lockedFile.ts"

/**
 * A file of tokens that cannot be used. `Held`: another process refreshes, and takes longer than was waited for. `Damaged`: what
 * is in it is no record of ours, and is left as it is. `System`: the system refused; see the cause.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenFileError extends Data.TaggedError("TokenFileError")<{
  readonly reason: "Held" | "Damaged" | "System"
  readonly path: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the token file ${this.path}: ${this.detail}`
  }
}

const longest = 256 * 1024

const failed = (path: string) => (failure: FileFailure): TokenFileError =>
  new TokenFileError({
    path,
    reason: failure.reason === "Held" ? "Held" : failure.reason === "System" ? "System" : "Damaged",
    detail: failure.message,
    cause: failure.cause
  })

const Access = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(1),
  access_token: Schema.NonEmptyString,
  expires_at: Schema.optional(Schema.Number)
}))

const Refresh = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(1),
  refresh_token: Schema.NonEmptyString
}))

const damaged = (path: string): TokenFileError =>
  new TokenFileError({
    path,
    reason: "Damaged",
    detail: "it holds something else than a token. Remove it if that is of no use"
  })

/** What a broken record quotes is not for anybody's eyes. */
const read = <A>(path: string, schema: Schema.Schema<A, string>, bytes: Buffer | undefined) =>
  bytes === undefined
    ? Effect.succeed(Option.none<A>())
    : Effect.mapBoth(Schema.decode(schema)(bytes.toString("utf8")), {
      onSuccess: Option.some,
      onFailure: () => damaged(path)
    })

const written = (record: object): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify({ version: 1, ...record })}\n`)

/**
 * What is shared.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharedOptions<out E, out R> {
  /** A file that only its owner may read (mode 0600); its folder is made. The access token stands in it in the clear. */
  readonly path: string
  /** As in `TokenProvider.Options`. */
  readonly refresh: (
    previous: Option.Option<Credential.TokenCredential>
  ) => Effect.Effect<Credential.TokenCredential, E, R>
  /** How long a refresh may take, and another process's is waited for. 30 seconds. */
  readonly patience?: Duration.DurationInput
}

/**
 * A refresh for `TokenProvider.make` that only one process of this machine does at a time. It takes the lease of the file, and where
 * another process has got a new token in the meantime, that one is the answer. The lease of a process that has died is taken
 * over at once, and one that nobody can look after once its time is over.
 *
 * @example
 * ```ts
 * import { OAuth, TokenProvider, UrlSession } from "@urlsession/core"
 * import { NodeTokens } from "@urlsession/node"
 * import { Redacted } from "effect"
 *
 * declare const clientSecret: Redacted.Redacted
 *
 * const tokens = TokenProvider.make({
 *   refresh: NodeTokens.shared({
 *     path: "/var/lib/reports/token",
 *     refresh: OAuth.clientCredentials({ tokenEndpoint: "https://login.example.com/token", clientId: "reports", clientSecret })
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category refreshes
 */
export const shared = <E, R>(options: SharedOptions<E, R>) => {
  const { path, refresh } = options
  const patience = Duration.toMillis(options.patience ?? "30 seconds")
  const file = lockedFile(path, {
    maximumBytes: longest,
    patience: patience + 1000,
    staleAfter: patience + 5000,
    tighten: true
  })
  return (
    previous: Option.Option<Credential.TokenCredential>
  ): Effect.Effect<Credential.TokenCredential, E | TokenFileError, R> =>
    Effect.gen(function*() {
      const context = yield* Effect.context<R>()
      const work = (bytes: Buffer | undefined): Effect.Effect<Made, E | TokenFileError> =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          const known = Option.map(
            yield* read(path, Access, bytes),
            ({ access_token, expires_at }) => Credential.token({ token: access_token, expiresAt: expires_at })
          )
          const fresh = Option.filter(known, (one) =>
            (one.expiresAt === undefined || one.expiresAt > now) &&
            !Option.exists(previous, (before) => Credential.equals(before, one)))
          if (Option.isSome(fresh)) return { token: fresh.value, bytes: undefined }
          const token = yield* Effect.timeoutFail(Effect.provide(refresh(previous), context), {
            duration: patience,
            onTimeout: () =>
              new TokenFileError({ path, reason: "Held", detail: "the refresh took longer than the lease lasts" })
          })
          return { token, bytes: written({ access_token: Redacted.value(token.token), expires_at: token.expiresAt }) }
        })
      const made: Array<Exit.Exit<Made, E | TokenFileError>> = []
      const change = (bytes: Buffer | undefined) =>
        Effect.map(Effect.exit(work(bytes)), (exit) => {
          made.push(exit)
          return Exit.isSuccess(exit) ? exit.value.bytes : undefined
        })
      yield* Effect.mapError(file.update(change), failed(path))
      return (yield* made[0] ?? Exit.fail(damaged(path))).token
    })
}

interface Made {
  readonly token: Credential.TokenCredential
  /** What has to be written for it. */
  readonly bytes: Uint8Array | undefined
}

/**
 * A store for `OAuth.refreshToken` in a file that only its owner may read (mode 0600), replaced as a whole and synced before the new
 * access token is used. The token stands in it in the clear.
 *
 * @since 0.1.0
 * @category stores
 */
export const refreshTokenStore = (path: string): OAuth.RefreshTokenStore<TokenFileError> => {
  const file = lockedFile(path, { maximumBytes: longest, tighten: true })
  return {
    read: Effect.flatMap(
      Effect.mapError(file.read, failed(path)),
      (bytes) => Effect.map(read(path, Refresh, bytes), Option.map(({ refresh_token }) => Redacted.make(refresh_token)))
    ),
    write: (token) =>
      Effect.mapError(
        file.update(() => Effect.succeed(written({ refresh_token: Redacted.value(token) }))),
        failed(path)
      )
  }
}
