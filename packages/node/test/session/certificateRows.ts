/** The parts of the table of certificates: who presents what, and what is expected. */
import type { CertificateFault, TlsReason, UntrustedWhy } from "@urlsession/core/SessionError"
import type * as tls from "node:tls"
import { type Made, make, type Recipe } from "../support/certificates.ts"

/** The authorities that all rows share. */
export interface World {
  readonly root: Made
  readonly between: Made
  /** Known to nobody. */
  readonly stranger: Made
}

export const makeWorld = async (): Promise<World> => {
  const root = await make({ commonName: "Table Root", authority: true })
  return {
    root,
    between: await make({ commonName: "Table Intermediate", authority: true, pathLength: 0 }, root),
    stranger: await make({ commonName: "Stranger", authority: true })
  }
}

/** What a server presents, leaf first, and what the client trusts. */
export interface Presented {
  readonly chain: ReadonlyArray<Made>
  readonly roots: ReadonlyArray<Made>
  readonly stapled?: Uint8Array
  readonly tls?: tls.TlsOptions
}

export interface Row {
  readonly name: string
  readonly host?: string
  readonly presented: (world: World) => Promise<Presented>
  /** `undefined`: accepted. */
  readonly refused?: {
    readonly tag: TlsReason["_tag"]
    readonly code: number
    readonly why?: UntrustedWhy
    readonly faults?: ReadonlyArray<CertificateFault>
  }
}

export const host = "www.example.test"

export const leaf = (recipe: Recipe = {}): Recipe => ({ names: [host], authority: false, ...recipe })

/** A leaf below the root itself. */
export const below = (recipe: Recipe = {}) => async ({ root }: World): Promise<Presented> => ({
  chain: [await make(leaf(recipe), root)],
  roots: [root]
})

/** A leaf below an intermediate of its own. */
export const through = (authority: Recipe, recipe: Recipe = {}) => async ({ root }: World): Promise<Presented> => {
  const between = await make({ commonName: "Between", authority: true, ...authority }, root)
  return { chain: [await make(leaf(recipe), between), between], roots: [root] }
}

/** A leaf of an authority that the client does not know; `sent` with its root. */
export const strange =
  (recipe: Recipe = {}, sent = false) => async ({ root, stranger }: World): Promise<Presented> => ({
    chain: [await make(leaf(recipe), stranger), ...sent ? [stranger] : []],
    roots: [root]
  })

export const self = (recipe: Recipe = {}) => async ({ root }: World): Promise<Presented> => ({
  chain: [await make(leaf(recipe))],
  roots: [root]
})

export const untrusted = (
  why: UntrustedWhy,
  ...faults: ReadonlyArray<CertificateFault>
): NonNullable<Row["refused"]> => ({
  tag: "ServerCertificateUntrusted",
  code: -1202,
  why,
  faults
})
export const unknownRoot = (...also: ReadonlyArray<CertificateFault>): NonNullable<Row["refused"]> => ({
  tag: "ServerCertificateHasUnknownRoot",
  code: -1203,
  faults: ["UnknownRoot", ...also]
})
export const expired = (...also: ReadonlyArray<CertificateFault>): NonNullable<Row["refused"]> => ({
  tag: "ServerCertificateHasBadDate",
  code: -1201,
  faults: ["Expired", ...also]
})
export const early = (...also: ReadonlyArray<CertificateFault>): NonNullable<Row["refused"]> => ({
  tag: "ServerCertificateNotYetValid",
  code: -1204,
  faults: ["NotYetValid", ...also]
})
export const noConnection: NonNullable<Row["refused"]> = { tag: "SecureConnectionFailed", code: -1200 }

export const past = { from: -20, to: -10 }
export const future = { from: 10, to: 20 }
export const elsewhere = { names: ["other.example.test"] }
