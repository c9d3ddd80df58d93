/** The value of `Accept-Language` (RFC 9110 12.5.4). */

/** A language range (RFC 4647 2.1). */
const isRange = (text: string): boolean => /^(?:\*|[A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*$/.test(text)

/** So many are told at most: a long list makes whoever sends it easy to recognise. */
const told = 6

/**
 * `de-AT, de;q=0.9, en;q=0.8`: the languages in the order in which they are preferred. What is no language is left out;
 * `undefined` where nothing is left.
 */
export const acceptLanguage = (languages: ReadonlyArray<string>): string | undefined => {
  const ranges = [...new Set(languages)].filter(isRange).slice(0, told)
  if (ranges.length === 0) return undefined
  return ranges.map((range, index) => index === 0 ? range : `${range};q=0.${10 - index}`).join(", ")
}
