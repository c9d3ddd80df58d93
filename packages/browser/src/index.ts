/**
 * URLSession for Effect in browsers.
 *
 * @since 0.1.0
 */
export * as FetchTransport from "./FetchTransport.ts"
