// Who may import whom. The arrow of the design (is used by):
// internal/protocol, internal/http1 -> models -> slots -> internal/pipeline, internal/session -> UrlSession -> adapters.
const core = "^packages/core/src/"
const source = "^packages/[^/]+/src/"
const oneOf = (names) => `${core}(${names.join("|")})[.]ts$`

const slots = oneOf([
  "AddressPolicy",
  "BodyStreamProvider",
  "CacheHandler",
  "ChallengeQueue",
  "ChallengeResolver",
  "DelayedRequestHandler",
  "Interceptor",
  "RedirectHandler",
  "ResponseHandler",
  "SessionEvents",
  "TaskDelegate"
])
const sessionFace = oneOf(["UrlSession", "BackgroundSession"])
const adapters = oneOf(["FileUrl", "OAuth", "SessionHttpClient", "SessionSocket", "TestTransport", "TokenProvider"])
const machinery = `${core}internal/(pipeline|session)/`
const pure = `${core}internal/(protocol|http1)/`
const models = [`${core}[A-Z][^/]*[.]ts$`]

const platform = (modules) => `(^|/)@effect/platform/.*/(${modules.join("|")})[.](js|ts|d[.]ts|mjs)$`

const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to })

module.exports = {
  forbidden: [
    forbid(
      "no-circles",
      "A circle has no order to be loaded in. (Types may refer to each other: an error holds a trust, a trust is refused by an error.)",
      { path: "^(packages|examples|bench)/" },
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }
    ),
    forbid("resolvable", "Nothing is imported that is not there.", {}, { couldNotResolve: true }),
    forbid(
      "pure-is-pure",
      "The protocol and the codec are functions of bytes and values; they import nothing but each other.",
      { path: pure },
      { pathNot: pure }
    ),
    forbid(
      "core-runs-everywhere",
      "Core names no runtime.",
      { path: core },
      { dependencyTypes: ["core"] }
    ),
    forbid(
      "core-dependencies",
      "Core depends on effect, @effect/platform, and two small libraries that run everywhere: public suffixes and MIME types.",
      { path: core },
      { path: "node_modules", pathNot: "node_modules/(effect|@effect/platform|tldts|tldts-core|whatwg-mimetype)/" }
    ),
    forbid(
      "models-below-slots",
      "A model does not know who decides about it. (Transport is the seam: it passes a slot's question on.)",
      { path: models, pathNot: [slots, sessionFace, adapters, `${core}(index|Transport)[.]ts$`] },
      { path: [slots, sessionFace, adapters, machinery] }
    ),
    forbid(
      "slots-below-machinery",
      "A slot is a type and a Layer; the machinery asks it, never the other way round.",
      { path: slots },
      { path: [sessionFace, adapters, machinery] }
    ),
    forbid(
      "machinery-below-session",
      "Stages and session state are wired by UrlSession and do not know it.",
      { path: machinery },
      { path: [sessionFace, adapters] }
    ),
    forbid(
      "session-below-adapters",
      "Adapters are built on a session.",
      { path: sessionFace },
      { path: adapters }
    ),
    forbid(
      "http-client-in-one-file",
      "The platform's client is met in one file, so that its next major version is one file's work.",
      { path: source, pathNot: `${core}SessionHttpClient[.]ts$` },
      { path: platform(["HttpClient", "HttpClientResponse", "HttpClientError"]) }
    ),
    forbid(
      "request-in-one-file",
      "The platform's request model is met in SessionRequest, and in the adapter that hands it over.",
      { path: source, pathNot: `${core}(SessionRequest|SessionHttpClient)[.]ts$` },
      { path: platform(["HttpClientRequest", "HttpBody", "Headers"]) }
    ),
    forbid(
      "socket-in-one-file",
      "The platform's Socket is met in one file.",
      { path: source, pathNot: `${core}SessionSocket[.]ts$` },
      { path: platform(["Socket"]) }
    ),
    forbid(
      "platforms-use-the-public-core",
      "What a platform package may use of core is what anybody may use.",
      { path: "^packages/(node|browser)/src/" },
      { path: `${core}internal/` }
    ),
    forbid(
      "platforms-are-separate",
      "Node and browser know core, and not each other.",
      { path: "^packages/(node|browser)/src/" },
      { path: "^packages/(node|browser)/", pathNot: "^packages/$1/src/" }
    ),
    forbid(
      "core-knows-no-platform",
      "Core is below the platforms.",
      { path: core },
      { path: "^packages/(node|browser)/" }
    ),
    forbid(
      "browser-is-a-browser",
      "The browser package runs without Node.",
      { path: "^packages/browser/src/" },
      { dependencyTypes: ["core"] }
    ),
    forbid(
      "no-undici",
      "undici is a peer of the bench; the engine is our own.",
      { path: "^(packages|examples)/" },
      { path: "(^|/)undici(/|$)" }
    ),
    forbid(
      "source-is-not-test",
      "What ships does not import what tests it.",
      { path: source },
      { path: "/(test|interop|dtslint|bench|examples)/", pathNot: "node_modules" }
    )
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(packages/[^/]+|examples)/dist/" },
    // Imports of types count as well: a type is knowledge.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.effect.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@urlsession/source", "types", "import", "node", "default"],
      mainFields: ["module", "main", "types"],
      extensions: [".ts", ".mjs", ".js", ".cjs", ".d.ts"]
    }
  }
}
