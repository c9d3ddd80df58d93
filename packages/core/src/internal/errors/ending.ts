/** How tasks end that did not fail by themselves: invalidated, cancelled, or by their delegate. */
import { family } from "./family.ts"

/**
 * How the session had ended when it was used.
 *
 * @since 0.1.0
 * @category reasons
 */
export type SessionInvalidatedReason = { readonly _tag: "Invalidated"; readonly description: string | undefined }

/**
 * The session has been invalidated; make a new one.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionInvalidated extends family<"SessionInvalidated", SessionInvalidatedReason>("SessionInvalidated", {
  Invalidated: {
    message: (r) =>
      `the session${
        r.description === undefined ? "" : ` "${r.description}"`
      } has been invalidated. Use it inside its scope, or make a new one`
  }
}) {}

/**
 * Who cancelled a task that somebody else was waiting for.
 *
 * @since 0.1.0
 * @category reasons
 */
export type CancelledReason = {
  readonly _tag: "Cancelled"
  readonly by: "task" | "session" | "responseHandler" | "scope"
}

/**
 * The task was cancelled. A fiber that cancels its own request sees interruption instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class Cancelled extends family<"Cancelled", CancelledReason>("Cancelled", {
  Cancelled: {
    code: -999,
    message: (r) =>
      r.by === "session" ? "the session was invalidated while the task was running" : `the task was cancelled (${r.by})`
  }
}) {}

/**
 * Which delegate slot failed.
 *
 * @since 0.1.0
 * @category reasons
 */
export type DelegateFailedReason = { readonly _tag: "HandlerFailed"; readonly slot: string }

/**
 * A deciding delegate failed or died; the task it decided for ends with this.
 *
 * @since 0.1.0
 * @category errors
 */
export class DelegateFailed extends family<"DelegateFailed", DelegateFailedReason>("DelegateFailed", {
  HandlerFailed: { message: (r) => `the delegate's ${r.slot} failed; see the cause` }
}) {}
