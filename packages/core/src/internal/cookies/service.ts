/** The storage as a service: what is asked is judged, what changes is told. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { type Cookie, make } from "../../Cookie.ts"
import type {
  AcceptPolicy,
  Change,
  CookieContext,
  CookieStorageService,
  CookieUrl,
  Imported,
  Options,
  Problem,
  Received
} from "../../CookieStorage.ts"
import type { InvalidRequest } from "../../SessionError.ts"
import { trimBlanks } from "../protocol/characters.ts"
import { domainMatches } from "../protocol/cookieMatch.ts"
import { parseCookiesTxt, printCookiesTxt } from "../protocol/cookiesTxt.ts"
import { tellsEmptiness } from "./emptyStore.ts"
import { isExpired, Jar, type Watcher } from "./jar.ts"
import { receive } from "./receive.ts"
import { judge, type Judged, ofDocument, questionOf, settingOf } from "./setting.ts"

/** A service, with the door that persistence goes in by. */
export interface Kept {
  readonly service: CookieStorageService
  readonly jar: Jar
  /** Changes the store, and tells of it. */
  readonly change: <A>(f: (now: number) => A) => Effect.Effect<A>
  readonly report: (problem: Problem) => Effect.Effect<void>
}

/** Whether a host gets a cookie, as far as its domain goes. */
const reaches = (cookie: Cookie, host: string): boolean =>
  cookie.hostOnly ? cookie.domain === host : domainMatches(host, cookie.domain)

const atLeastOne = (limit: number): number => Math.max(1, Math.trunc(limit))

/** The name on a line, for messages: values stay out of them. */
const nameOn = (line: string): string => {
  const pair = line.split(";", 1)[0] ?? ""
  const equals = pair.indexOf("=")
  // a line break in a name must not begin a line of a log
  return equals < 0 ? "" : trimBlanks(pair.slice(0, equals)).slice(0, 128).replace(/[^\x20-\x7e]/g, "?")
}

const cookiesOf = (text: string, now: number): Imported => {
  const { bad, lines } = parseCookiesTxt(text)
  const cookies: Array<Cookie> = []
  const skipped = [...bad]
  for (const { line, number } of lines) {
    const made = make({
      name: line.name,
      value: line.value,
      domain: `${line.below ? "." : ""}${line.domain}`,
      path: line.path,
      secure: line.secure,
      httpOnly: line.httpOnly,
      createdAt: now,
      ...(line.expires === 0 ? {} : { expires: line.expires * 1000 })
    })
    if (Either.isRight(made)) cookies.push(made.right)
    else skipped.push(number)
  }
  return { cookies, skipped: skipped.sort((a, b) => a - b) }
}

export const makeService = (options: Options, watcher?: Watcher): Effect.Effect<Kept> =>
  Effect.map(PubSub.sliding<Change>(256), (changes) => {
    let policy: AcceptPolicy = options.acceptPolicy ?? "onlyFromMainDocumentDomain"
    let stored: Array<Cookie> = []
    let removed: Array<Cookie> = []
    const problems: Array<Problem> = []
    const perDomain = atLeastOne(options.maximumCookiesPerDomain ?? 180)
    const total = atLeastOne(options.maximumCookies ?? 3000)
    const jar = new Jar({ perDomain, total, fair: Math.min(50, perDomain) }, {
      put: (cookie) => {
        stored.push(cookie)
        watcher?.put(cookie)
      },
      removed: (cookie) => {
        removed.push(cookie)
        watcher?.removed(cookie)
      }
    })

    const tell = (change: Change) => Effect.asVoid(PubSub.publish(changes, change))

    /** Tells of what has been changed, where something was. */
    const changed = <A>(result: A): Effect.Effect<A> => {
      if (stored.length === 0 && removed.length === 0) return Effect.succeed(result)
      const told: Change = { _tag: "CookiesChanged", stored, removed }
      stored = []
      removed = []
      return Effect.as(tell(told), result)
    }

    const change = <A>(f: (now: number) => A): Effect.Effect<A> =>
      Effect.clockWith((clock) => changed(f(clock.unsafeCurrentTimeMillis())))

    /** Judges a request, then does something with it. */
    const judged = <A>(
      url: CookieUrl,
      context: CookieContext | undefined,
      f: (request: Judged, now: number) => A
    ): Effect.Effect<A, InvalidRequest> =>
      Effect.clockWith((clock): Effect.Effect<A, InvalidRequest> => {
        const request = judge(url, context)
        return Either.isLeft(request)
          ? Effect.fail(request.left)
          : changed(f(request.right, clock.unsafeCurrentTimeMillis()))
      })

    const allows = (request: Judged, context: CookieContext | undefined): boolean => {
      const counts = context?.acceptPolicy ?? policy
      return counts === "always" || (counts === "onlyFromMainDocumentDomain" && ofDocument(request))
    }

    const take = (line: string, request: Judged, now: number): Received => {
      const refuse = (reason: Extract<Received, { _tag: "Refused" }>["reason"]): Received => ({
        _tag: "Refused",
        name: nameOn(line),
        reason
      })
      const cookie = receive(line, settingOf(request, now), jar)
      if (typeof cookie === "string") return refuse(cookie)
      if (!request.http && jar.find(cookie)?.httpOnly === true) return refuse("HttpOnly")
      jar.put(cookie, now)
      return { _tag: isExpired(cookie, now) ? "Removed" : "Stored", cookie }
    }

    const matching = (request: Judged, now: number): ReadonlyArray<Cookie> =>
      jar.matching(questionOf(request, now)).map((entry) => entry.cookie)

    const service: CookieStorageService = {
      all: change((now) => jar.all(now)),
      size: change((now) => jar.all(now).length),
      sorted: (order) => change((now) => [...jar.all(now)].sort(order)),
      cookies: (url, context) => judged(url, context, matching),
      get: (url, name, context) =>
        judged(
          url,
          context,
          (request, now) => Option.fromNullable(matching(request, now).find((cookie) => cookie.name === name))
        ),
      explain: (url, context) =>
        judged(url, context, (request, now) => {
          const question = questionOf(request, now)
          return {
            sent: matching(request, now),
            withheld: jar.withheld(question).map(([cookie, why]) => ({ cookie, why }))
          }
        }),
      cookieHeader: (url, context) => judged(url, context, (request, now) => jar.header(questionOf(request, now))),
      set: (cookie) => Effect.asVoid(change((now) => jar.put(cookie, now))),
      setAll: (cookies, url, context) =>
        judged(url, context, (request, now) => {
          if (!allows(request, context)) return
          for (const cookie of cookies) {
            if (reaches(cookie, request.target.host)) jar.put(cookie, now)
          }
        }),
      setFromResponse: (url, lines, context) =>
        judged(url, context, (request, now) => {
          const allowed = allows(request, context)
          return Array.from(lines, (line): Received =>
            allowed ? take(line, request, now) : { _tag: "Refused", name: nameOn(line), reason: "Policy" })
        }),
      remove: (cookie) => Effect.asVoid(change(() => jar.remove(cookie))),
      removeFor: (url, name, context) =>
        judged(url, context, (request, now) => {
          for (const cookie of matching(request, now)) {
            if (cookie.name === name) jar.remove(cookie)
          }
        }),
      removeAll: Effect.asVoid(change(() => jar.clear())),
      removeSince: (time) => Effect.asVoid(change(() => jar.removeWhere((cookie) => cookie.createdAt > Number(time)))),
      acceptPolicy: Effect.sync(() => policy),
      setAcceptPolicy: (next) =>
        Effect.suspend(() => {
          if (next === policy) return Effect.void
          policy = next
          return tell({ _tag: "AcceptPolicyChanged", policy })
        }),
      changes: Stream.fromPubSub(changes),
      subscribe: Effect.map(PubSub.subscribe(changes), (queue) => Stream.fromQueue(queue)),
      problems: Effect.sync(() => [...problems]),
      flush: Effect.void,
      importCookiesTxt: (text) =>
        change((now) => {
          const imported = cookiesOf(text, now)
          for (const cookie of imported.cookies) jar.put(cookie, now)
          return imported
        }),
      exportCookiesTxt: change((now) =>
        printCookiesTxt(
          jar.all(now).map((cookie) => ({
            domain: cookie.domain,
            below: !cookie.hostOnly,
            path: cookie.path,
            secure: cookie.secure,
            httpOnly: cookie.httpOnly,
            expires: cookie.expires === undefined ? 0 : Math.ceil(cookie.expires / 1000),
            name: cookie.name,
            value: cookie.value
          }))
        )
      )
    }
    const report = (problem: Problem) => {
      problems.push(problem)
      if (problems.length > 16) problems.shift()
      return tell({ _tag: "ProblemFound", problem })
    }
    tellsEmptiness(service, () => jar.size === 0)
    return { service, jar, change, report }
  })
