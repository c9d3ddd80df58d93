/** The version that `User-Agent` tells; a test holds it to that of the package. */
export const version = "0.0.0"
