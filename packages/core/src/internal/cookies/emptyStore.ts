/**
 * Which stores of ours have no cookie at this moment, without a step of an effect: most sessions that may keep cookies are
 * given none, and to ask such a store took 0.7 us of each request.
 */
import type { CookieStorageService } from "../../CookieStorage.ts"

// by the method and not by the store: one that is wrapped and keeps the method is the same store still
const stores = new WeakMap<CookieStorageService["cookieHeader"], () => boolean>()

export const tellsEmptiness = ({ cookieHeader }: CookieStorageService, isEmpty: () => boolean): void => {
  stores.set(cookieHeader, isEmpty)
}

/** Whether there is no cookie; never so of a store that is not ours. */
export const emptinessOf = ({ cookieHeader }: CookieStorageService): () => boolean =>
  stores.get(cookieHeader) ?? (() => false)
