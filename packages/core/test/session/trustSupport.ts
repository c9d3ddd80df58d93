/** Certificates that are only values: what evaluators look at, without a key behind them. */
import type * as ServerTrust from "@urlsession/core/ServerTrust"

const zero = Date.UTC(2030, 0, 1)

/** So many days after the first of January 2030. */
export const day = (offset: number): Date => new Date(zero + offset * 86_400_000)

/** A certificate for `api.test`, whose key's hash is its name. */
export const certificate = (
  name: string,
  fields: { readonly issuer?: string; readonly notBefore?: Date; readonly notAfter?: Date } = {}
): ServerTrust.Certificate => ({
  der: new TextEncoder().encode(name),
  subject: `CN=${name}`,
  issuer: `CN=${fields.issuer ?? "authority"}`,
  serialNumber: "01",
  notBefore: fields.notBefore ?? day(-100),
  notAfter: fields.notAfter ?? day(100),
  names: { dns: ["api.test"], ip: [] },
  spkiSha256: name
})

/** The PEM text of the certificate of that name. */
export const pem = (name: string): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(name).toString("base64")}\n-----END CERTIFICATE-----\n`
