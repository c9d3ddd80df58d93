/** Errors about what is kept: a request that may only be answered out of the cache. */
import { family } from "./family.ts"

/**
 * Why the cache had no answer.
 *
 * @since 0.1.0
 * @category reasons
 */
export type CacheReason = { readonly _tag: "CacheMiss"; readonly policy: "returnCacheDataDontLoad" }

/**
 * The request may not be sent, and nothing that is kept answers it.
 *
 * @since 0.1.0
 * @category errors
 */
export class CacheError extends family<"CacheError", CacheReason>("CacheError", {
  CacheMiss: {
    code: -2000,
    message: (r) =>
      `nothing is kept for this request, and its policy ${r.policy} forbids to load it. Use returnCacheDataElseLoad, or give the session a UrlCache that has it`
  }
}) {}
