/**
 * Kerberos for Negotiate, by the npm package `kerberos`, an optional peer: it has to be installed beside this one.
 *
 * @since 0.1.0
 */
import { SchemeError } from "@urlsession/core/AuthenticationScheme"
import * as Negotiate from "@urlsession/core/Negotiate"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/**
 * The package is not there, or is another one.
 *
 * @since 0.1.0
 * @category errors
 */
export class KerberosUnavailable extends Data.TaggedError("KerberosUnavailable")<{ readonly cause: unknown }> {
  override get message(): string {
    return "Kerberos needs the npm package kerberos (version 2): install it beside @urlsession/node"
  }
}

/**
 * What is used of the package.
 *
 * @since 0.1.0
 * @category models
 */
export interface Kerberos {
  readonly initializeClient: (
    service: string,
    options: { readonly mechOID?: number; readonly user?: string; readonly password?: string; readonly domain?: string }
  ) => Promise<KerberosClient>
  readonly GSS_MECH_OID_SPNEGO?: number
}

/**
 * One context of it: base64 in and out.
 *
 * @since 0.1.0
 * @category models
 */
export interface KerberosClient {
  readonly step: (challenge: string) => Promise<string | null>
  readonly contextComplete: boolean
}

const isKerberos = (value: unknown): value is Kerberos =>
  typeof value === "object" && value !== null && "initializeClient" in value &&
  typeof value.initializeClient === "function"

const name = "kerberos"

const imported: Effect.Effect<Kerberos, KerberosUnavailable> = Effect.flatMap(
  Effect.tryPromise({
    try: (): Promise<unknown> => import(name),
    catch: (cause) => new KerberosUnavailable({ cause })
  }),
  (module) => {
    const found = typeof module === "object" && module !== null && "default" in module ? module.default : module
    return isKerberos(found)
      ? Effect.succeed(found)
      : Effect.fail(new KerberosUnavailable({ cause: new Error("it has no initializeClient") }))
  }
)

const failed = () =>
  new SchemeError({
    reason: "CredentialUnusable",
    detail: "Kerberos gave no ticket for it. Is there one (klist), and does the host have a service principal?"
  })

/** Realm and user; both empty: whoever is logged on. */
const named = (user: string): { readonly user?: string; readonly domain?: string } => {
  if (user === "") return {}
  const slash = user.indexOf("\\")
  return slash < 0 ? { user } : { domain: user.slice(0, slash), user: user.slice(slash + 1) }
}

/**
 * A provider of contexts for `HTTP@host`. A credential with an empty user stands for whoever is logged on to the system. The last
 * token of the server is not looked at.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (kerberos: Kerberos): Negotiate.SecurityContextProviderService => ({
  open: (credential, host) =>
    Effect.map(
      Effect.tryPromise({
        try: () =>
          kerberos.initializeClient(`HTTP@${host}`, {
            ...(kerberos.GSS_MECH_OID_SPNEGO === undefined ? {} : { mechOID: kerberos.GSS_MECH_OID_SPNEGO }),
            ...named(credential.user),
            ...(credential.user === "" ? {} : { password: Redacted.value(credential.password) })
          }),
        catch: failed
      }),
      (client): Negotiate.SecurityContext => ({
        mutual: false,
        step: (input) =>
          Effect.map(
            Effect.tryPromise({
              try: () => client.step(input === undefined ? "" : Buffer.from(input).toString("base64")),
              catch: failed
            }),
            (token) => token === null || token === "" ? undefined : new Uint8Array(Buffer.from(token, "base64"))
          )
      })
    )
})

/**
 * Kerberos for the Negotiate of the session that is built with this Layer. Fails where the package is not there.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Negotiate.SecurityContextProvider, KerberosUnavailable> = Layer.effect(
  Negotiate.SecurityContextProvider,
  Effect.map(imported, make)
)
