/**
 * URLSession for Effect on Node.
 *
 * @since 0.1.0
 */

/**
 * The network as this machine's interfaces show it.
 *
 * @since 0.1.0
 */
export * as NodeConnectivity from "./NodeConnectivity.ts"

/**
 * The content codings of Node's zlib.
 *
 * @since 0.1.0
 */
export * as NodeContentCodings from "./NodeContentCodings.ts"

/**
 * Cookies in a file.
 *
 * @since 0.1.0
 */
export * as NodeCookieStorage from "./NodeCookieStorage.ts"

/**
 * Credentials in an encrypted file.
 *
 * @since 0.1.0
 */
export * as NodeCredentialStorage from "./NodeCredentialStorage.ts"

/**
 * The hash functions of Node's OpenSSL.
 *
 * @since 0.1.0
 */
export * as NodeDigests from "./NodeDigests.ts"

/**
 * Asks for passwords on the terminal.
 *
 * @since 0.1.0
 */
export * as NodePrompt from "./NodePrompt.ts"

/**
 * Evaluators of servers that need cryptography: revocation, and a chain at another time.
 *
 * @since 0.1.0
 */
export * as NodeServerTrust from "./NodeServerTrust.ts"

/**
 * A session on Node with everything it can use.
 *
 * @since 0.1.0
 */
export * as NodeSession from "./NodeSession.ts"

/**
 * The transport of Node, with its capabilities.
 *
 * @since 0.1.0
 */
export * as NodeTransport from "./NodeTransport.ts"

/**
 * A cache on a disk.
 *
 * @since 0.1.0
 */
export * as NodeUrlCache from "./NodeUrlCache.ts"

/**
 * Tokens that the processes of a machine share.
 *
 * @since 0.1.0
 */
export * as NodeTokens from "./NodeTokens.ts"

/**
 * The sign-in of a user by a browser.
 *
 * @since 0.1.0
 */
export * as NodeSignIn from "./NodeSignIn.ts"

/**
 * Kerberos for Negotiate.
 *
 * @since 0.1.0
 */
export * as NodeKerberos from "./NodeKerberos.ts"
