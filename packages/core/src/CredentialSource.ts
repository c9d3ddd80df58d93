/**
 * Where credentials are only read from: the configuration of the program, a `.netrc`. Each entry names an origin, so that no
 * password goes to whoever asks for one.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { password, type PasswordCredential } from "./Credential.ts"
import { findMachine, parseNetrc } from "./internal/protocol/netrc.ts"
import { matches, type ProtectionSpace, type SpacePattern } from "./ProtectionSpace.ts"
import { isLoopback } from "./TransportSecurity.ts"

/**
 * A source: what it has for a space, the default first. None of them is for a proxy, or for
 * a scheme that takes no password. Put it below a storage with
 * `CredentialStorage.withSources`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialSource {
  readonly credentials: (space: ProtectionSpace) => ReadonlyArray<PasswordCredential>
}

/**
 * Which variables hold the user and the password for an origin, and one realm of it where that matters.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigEntry extends SpacePattern {
  /** The name of the variable with the user's name. */
  readonly user: string
  /** The name of the variable with the password. */
  readonly password: string
}

/** What a name and a password answer: to every other scheme they would be handed over in a form that nobody has asked for. */
const takesPassword = ({ isProxy, method }: ProtectionSpace): boolean =>
  !isProxy && (method === "Basic" || method === "Digest" || method === "NTLM")

/** A name without an origin is a name for every port and scheme of it. */
const isSafe = (space: ProtectionSpace): boolean => space.protocol === "https" || isLoopback(space.host)

/**
 * From the variables of the `ConfigProvider`, which is the environment unless another is set: an entry whose variables are both
 * missing is left out. Read once. Fails with `ConfigError` where only one of the two is there.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromConfig = (
  entries: ReadonlyArray<ConfigEntry>
): Effect.Effect<CredentialSource, ConfigError> =>
  Effect.map(Effect.forEach(entries, read), (found) => {
    const known = found.flatMap(Option.toArray)
    return {
      credentials: (space) =>
        takesPassword(space)
          ? known.flatMap(({ credential, entry }) => matches(entry, space) ? [credential] : [])
          : []
    }
  })

/** Nothing where both are missing; one without the other is a mistake. */
const read = (entry: ConfigEntry) => {
  const user = Config.string(entry.user)
  const secret = Config.redacted(entry.password)
  return Effect.flatMap(
    Effect.all([Config.option(user), Config.option(secret)]),
    ([name, value]) =>
      Option.isNone(name) && Option.isNone(value)
        ? Effect.succeed(Option.none())
        : Effect.map(
          Effect.all({ user, password: secret }),
          (fields) => Option.some({ entry, credential: password(fields) })
        )
  )
}

/**
 * @since 0.1.0
 * @category models
 */
export interface NetrcOptions {
  /** Uses the `default` entry for hosts that none names: its password goes to every https server that asks. Off unless said. */
  readonly useDefault?: boolean
  /** Answers over plain http to other machines too, where everybody on the way reads along. Off unless said. */
  readonly allowInsecure?: boolean
}

/**
 * What a `.netrc` says, read as curl reads it: `machine`, `default`, `login`, `password`, `account` (skipped), `macdef` (skipped to
 * the next empty line), `#` comments at the beginning of a line, and words in double quotes with the escapes of `n`, `r`, `t`. A
 * machine is a host and no port, so an entry is good for every port of it; only over https, or on this machine, unless
 * `allowInsecure`. An entry needs a login and a password. Words that are none of
 * these are skipped. `Option.none` where it cannot be read: a quote without its end, or an entry that is cut off.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromNetrc = (
  text: Redacted.Redacted,
  options: NetrcOptions = {}
): Option.Option<CredentialSource> => {
  const machines = parseNetrc(Redacted.value(text))
  if (machines === undefined) return Option.none()
  const known = machines.map(({ host, login, secret }) => ({
    host,
    credential: login === undefined || secret === undefined ? undefined : password({ user: login, password: secret })
  }))
  return Option.some({
    credentials: (space) => {
      if (!takesPassword(space) || !(options.allowInsecure === true || isSafe(space))) return []
      return findMachine(known, space.host, options.useDefault === true)
        .flatMap(({ credential }) => credential === undefined ? [] : [credential])
    }
  })
}
