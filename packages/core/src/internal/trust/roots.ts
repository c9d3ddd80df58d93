/** Which roots a handshake is verified against, and what several wishes come to. */

/**
 * Which roots a handshake is verified against: the platform's, the platform's and more, or only some. PEM texts.
 *
 * @since 0.1.0
 * @category models
 */
export type Roots =
  | { readonly _tag: "System" }
  | { readonly _tag: "Additional"; readonly pem: ReadonlyArray<string> }
  | { readonly _tag: "Only"; readonly pem: ReadonlyArray<string> }

export const system: Roots = { _tag: "System" }

/** The base64 of a PEM text of one certificate. */
export const derOf = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s/g, "")

// a PEM text may be a bundle; what is none is left as it is, for the platform to say so
const one = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const each = (pem: ReadonlyArray<string>): ReadonlyArray<string> =>
  pem.flatMap((text) => {
    const several = text.match(one)
    return several === null || several.length === 1 ? [text] : several
  })

/** Both wishes: "only these" is the narrower promise, so it holds against "these too", and of two only what both have. */
export const mergeRoots = (left: Roots, right: Roots): Roots => {
  if (left._tag === "System") return right
  if (right._tag === "System") return left
  if (left._tag === "Only" && right._tag === "Only") {
    const both = new Set(each(right.pem).map(derOf))
    return { _tag: "Only", pem: each(left.pem).filter((pem) => both.has(derOf(pem))) }
  }
  if (left._tag === "Only") return left
  if (right._tag === "Only") return right
  return { _tag: "Additional", pem: [...left.pem, ...right.pem] }
}
