/**
 * URLSession for Effect in browsers.
 *
 * @since 0.1.0
 */
export * as BrowserConnectivity from "./BrowserConnectivity.ts"
export * as BrowserCredentialStorage from "./BrowserCredentialStorage.ts"
export * as FetchTransport from "./FetchTransport.ts"
