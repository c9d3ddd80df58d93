/** From what is said about a request to what the storage model asks: same site or not, whose partition, whose document. */
import * as Either from "effect/Either"
import type { CookieContext } from "../../CookieStorage.ts"
import type { InvalidRequest } from "../../SessionError.ts"
import { parseUrl } from "../../SessionRequest.ts"
import { isLoopback } from "../../TransportSecurity.ts"
import { type CookieTarget, domainMatches, isSafeMethod, pathOf } from "../protocol/cookieMatch.ts"
import type { Question } from "./jar.ts"
import type { Setting } from "./receive.ts"
import { siteOf } from "./site.ts"

export type CookieUrl = string | URL | CookieTarget

/** A request as cookies see it. */
export interface Judged {
  readonly target: CookieTarget
  readonly document: CookieTarget | undefined
  readonly secure: boolean
  readonly http: boolean
  readonly sameSite: boolean
  readonly navigation: boolean
  readonly safe: boolean
  readonly partition: string
}

const parse = (url: CookieUrl): Either.Either<CookieTarget, InvalidRequest> =>
  typeof url === "string" || url instanceof URL
    ? Either.map(parseUrl(String(url)), (parsed) => parsed.url)
    : Either.right(url)

const none: Either.Either<CookieTarget | undefined, InvalidRequest> = Either.right(undefined)
const optional = (url: CookieUrl | undefined): typeof none => url === undefined ? none : parse(url)

/** https, and whatever does not leave this machine. */
const isSecure = ({ host, scheme }: CookieTarget): boolean => scheme === "https" || scheme === "wss" || isLoopback(host)

const isSameSite = (target: CookieTarget, site: CookieTarget | undefined): boolean => {
  if (site === undefined) return true
  const own = siteOf(site)
  return own !== "" && own === siteOf(target)
}

/** Whether a request is one of the site that it is made for; without a site everything is. */
export const withinSite = (target: CookieTarget, context: CookieContext): Either.Either<boolean, InvalidRequest> =>
  Either.map(optional(context.siteForCookies ?? context.mainDocumentUrl), (site) => isSameSite(target, site))

const plain = (target: CookieTarget): Judged => ({
  target,
  document: undefined,
  secure: isSecure(target),
  http: true,
  sameSite: true,
  navigation: false,
  safe: true,
  partition: siteOf(target)
})

export const judge = (url: CookieUrl, context: CookieContext | undefined): Either.Either<Judged, InvalidRequest> => {
  const target = parse(url)
  if (Either.isLeft(target) || context === undefined) return Either.map(target, plain)
  const document = optional(context.mainDocumentUrl)
  if (Either.isLeft(document)) return Either.left(document.left)
  const site = optional(context.siteForCookies ?? context.mainDocumentUrl)
  if (Either.isLeft(site)) return Either.left(site.left)
  return Either.right({
    target: target.right,
    document: document.right,
    secure: isSecure(target.right),
    http: context.isHttpApi !== false,
    sameSite: context.hasLeftSite !== true && isSameSite(target.right, site.right),
    navigation: context.isTopLevelNavigation === true,
    safe: isSafeMethod(context.method ?? "GET"),
    partition: context.partitionKey ?? siteOf(document.right ?? site.right ?? target.right)
  })
}

export const questionOf = (judged: Judged, now: number): Question => ({
  host: judged.target.host,
  path: pathOf(judged.target.target),
  secure: judged.secure,
  http: judged.http,
  sameSite: judged.sameSite ? "all" : judged.http && judged.navigation && judged.safe ? "lax" : "none",
  partition: judged.partition,
  now
})

export const settingOf = (judged: Judged, now: number): Setting => ({
  target: judged.target,
  secure: judged.secure,
  http: judged.http,
  firstParty: judged.sameSite || (judged.http && judged.navigation),
  partition: judged.partition,
  now
})

/** HTTPCookieStorage's rule: the host must be that of the main document, or above it; without a document each may. */
export const ofDocument = (judged: Judged): boolean =>
  judged.document === undefined || domainMatches(judged.document.host, judged.target.host)
