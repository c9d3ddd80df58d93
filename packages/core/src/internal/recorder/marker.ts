/** What stands where a secret was. */

/**
 * What stands in a recording where a secret was. In the URL of a recorded request it stands for any text without `/`, `?`, `#`
 * and `&`, in its body for any value: a replay answers whatever is asked there.
 *
 * @since 0.1.0
 * @category redaction
 */
export const redacted = "<redacted>"
