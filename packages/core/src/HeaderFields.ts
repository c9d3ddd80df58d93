/**
 * The fields of a response (or of trailers) as they came: ordered, repeatable, names in lower case.
 *
 * @since 0.1.0
 */
export {
  /**
   * An ordered list of header fields. `get` joins repeated lines with `", "` (RFC 9110 5.3), `getAll` gives every line by
   * itself, which `Set-Cookie` and `WWW-Authenticate` need.
   *
   * @since 0.1.0
   * @category models
   */
  HeaderFields
} from "./internal/http1/headerFields.ts"
