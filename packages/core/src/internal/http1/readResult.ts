/** What the readers answer in the place of a position in the bytes. */

/** All bytes were taken and the piece goes on. */
export const INCOMPLETE = -1
/** The piece is refused. */
export const FAULT = -2
