/** What holds for a request that its session has an opinion about too: of two policies the more restrictive one. */

/** Over which networks a request may go, where the platform can tell them apart. */
export interface NetworkAccess {
  readonly cellular: boolean
  readonly expensive: boolean
  readonly constrained: boolean
}

interface AccessSettings {
  readonly allowsCellularAccess?: boolean | undefined
  readonly allowsExpensiveNetworkAccess?: boolean | undefined
  readonly allowsConstrainedNetworkAccess?: boolean | undefined
}

const both = (session: boolean | undefined, request: boolean | undefined): boolean =>
  (session ?? true) && (request ?? true)

/** A request cannot allow what its session forbids. */
export const networkAccess = (session: AccessSettings, request: AccessSettings): NetworkAccess => ({
  cellular: both(session.allowsCellularAccess, request.allowsCellularAccess),
  expensive: both(session.allowsExpensiveNetworkAccess, request.allowsExpensiveNetworkAccess),
  constrained: both(session.allowsConstrainedNetworkAccess, request.allowsConstrainedNetworkAccess)
})

/** Milliseconds for the whole of a task: a request may ask for less than its session gives, never for more. */
export const resourceLimit = (session: number, request: number | undefined): number =>
  request === undefined ? session : Math.min(session, Math.max(0, request))

/** The kinds of traffic that differ in how soon they are wanted. */
export type ServiceType =
  | "default"
  | "background"
  | "responsiveData"
  | "video"
  | "voice"
  | "avStreaming"
  | "responsiveAV"
  | "callSignaling"

/** The priority of a request that names none: what somebody waits for comes first, what nobody waits for last. */
export const priorityOf = (serviceType: ServiceType): number => {
  switch (serviceType) {
    case "default":
      return 0.5
    case "background":
      return 0.25
    case "video":
    case "avStreaming":
      return 0.6
    default:
      return 0.75
  }
}
