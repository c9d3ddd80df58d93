/** The command line: its options, their help, and what they mean together. */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** Something on the command line, or around it, that the user can put right. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** A key pin, `sha256/<base64>`. */
export type Pin = `sha256/${string}`

/** Who the user is. Without a password here it is asked for elsewhere. */
export interface User {
  readonly name: string
  readonly password: Redacted.Redacted | undefined
}

/** What is to be done with a URL. */
export interface Plan {
  readonly url: URL
  readonly user: User | undefined
  readonly pins: ReadonlyArray<Pin>
  /** Paths of PEM files. */
  readonly ca: ReadonlyArray<string>
  readonly output: string | undefined
  /** 64 hexadecimal digits in lower case. */
  readonly sha256: string | undefined
}

/** The options as they were given. */
export interface Given {
  readonly url: Option.Option<string>
  readonly user: Option.Option<string>
  readonly pin: ReadonlyArray<string>
  readonly ca: ReadonlyArray<string>
  readonly output: Option.Option<string>
  readonly sha256: Option.Option<string>
  readonly json: boolean
}

const text = (name: string, pseudoName: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName(pseudoName), Options.withDescription(description))

/** What the command takes. `url` says what happens without a URL. */
export const config = (withoutUrl: string) => ({
  url: Args.text({ name: "url" }).pipe(
    Args.withDescription(`What to download, http or https. ${withoutUrl}`),
    Args.optional
  ),
  user: text(
    "user",
    "name",
    "Who to be when the URL's own server asks (Basic or Digest). The password is taken from URLSESSION_PASSWORD, else from " +
      "standard input. name:password works too, but every user of this machine can read it while the command runs."
  ).pipe(Options.optional),
  pin: text(
    "pin",
    "sha256/key",
    "A public key that the URL's host must have in its certificate chain: base64 of the SHA-256 of its SPKI. May be repeated; " +
      "one of them must match."
  ).pipe(Options.repeated),
  ca: text("ca", "file", "A PEM file with roots to trust besides those of the system. May be repeated.").pipe(
    Options.repeated
  ),
  output: text("output", "file", "Where to write. Without it the URL's last part names a new file in this directory.")
    .pipe(Options.optional),
  sha256: text("sha256", "hex", "The SHA-256 that the file must have.").pipe(Options.optional),
  json: Options.boolean("json").pipe(
    Options.withDescription("One JSON object per exchange on standard output; all else goes to standard error.")
  )
})

/** Options that take a value, for `--name=value`. */
const valued = /^--(user|pin|ca|output|sha256)=/

/** Takes `--name=value` apart, which the parser knows only as two words. Words after `--` are left alone. */
export const separated = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = argv.indexOf("--")
  return argv.flatMap((word, index) => {
    if ((end >= 0 && index > end) || !valued.test(word)) return [word]
    const equals = word.indexOf("=")
    return [word.slice(0, equals), word.slice(equals + 1)]
  })
}

const usage = (message: string): Either.Either<never, UsageError> => Either.left(new UsageError({ message }))

/** `name`, or `name:password` (RFC 7617 2: a name has no colon). */
export const parseUser = (given: string): User => {
  const colon = given.indexOf(":")
  return colon < 0
    ? { name: given, password: undefined }
    : { name: given.slice(0, colon), password: Redacted.make(given.slice(colon + 1)) }
}

const isPin = (pin: string): pin is Pin => /^sha256\/[A-Za-z0-9+/]{43}=$/.test(pin)

const parseUrl = (given: string): URL | undefined => {
  try {
    return new URL(given)
  } catch {
    return undefined
  }
}

/** What the options mean together: `undefined` where there is no URL. */
export const plan = (given: Given): Either.Either<Plan | undefined, UsageError> => {
  if (Option.isNone(given.url)) {
    const alone = Option.isSome(given.user) || Option.isSome(given.sha256) || given.pin.length > 0 ||
      given.ca.length > 0
    return alone ? usage("--user, --pin, --ca and --sha256 need a URL to go with") : Either.right(undefined)
  }
  const word = given.url.value
  if (word.startsWith("-")) return usage(`there is no option ${word}, or its value is missing; see --help`)
  const url = parseUrl(word)
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // not shown: what is nearly a URL can have a password in it
    return usage("the URL is not an absolute http or https URL")
  }
  if (url.username !== "" || url.password !== "") {
    return usage("the URL has a name or password in it; use --user, and URLSESSION_PASSWORD or standard input")
  }
  const pins = given.pin.filter(isPin)
  if (pins.length < given.pin.length) {
    return usage("a pin is sha256/ and the base64 of 32 bytes, as in sha256/47DE...uFU=")
  }
  if (pins.length > 0 && url.protocol === "http:") return usage("--pin needs https: there is no key without TLS")
  const sha256 = Option.getOrUndefined(given.sha256)?.toLowerCase()
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) return usage("--sha256 takes 64 hexadecimal digits")
  const user = Option.getOrUndefined(given.user)
  if (user === "" || user?.startsWith(":") === true) return usage("--user needs a name")
  return Either.right({
    url,
    user: user === undefined ? undefined : parseUser(user),
    pins,
    ca: given.ca,
    output: Option.getOrUndefined(given.output),
    sha256
  })
}

/** The name of a file that a URL suggests; never a path. */
export const fileName = (url: URL): string => {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1)
  let decoded = last
  try {
    decoded = decodeURIComponent(last)
  } catch {
    // an escape that is none is a name like any other
  }

  const safe = decoded.replace(/[\u0000-\u001f\u007f/\\:*?"<>|]/g, "_").replace(/^\.+/, "").slice(0, 200)
  return safe === "" ? "download" : safe
}
