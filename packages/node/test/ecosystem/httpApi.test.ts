// A typed `HttpApi` served by the platform's own server, called by `HttpApiClient` through a session.
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Multipart from "@effect/platform/Multipart"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { client, doors, guard, resolver, serve } from "./support.ts"

class Item extends Schema.Class<Item>("Item")({ id: Schema.Number, name: Schema.String, made: Schema.Date }) {}
class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }) {}
class Taken extends Schema.TaggedError<Taken>()("Taken", { name: Schema.String }) {}

const path = Schema.Struct({ id: Schema.NumberFromString })

const Api = HttpApi.make("api").add(
  HttpApiGroup.make("items")
    .add(HttpApiEndpoint.get("find", "/items/:id").setPath(path).addSuccess(Item).addError(Missing, { status: 404 }))
    .add(
      HttpApiEndpoint.get("search", "/items")
        .setUrlParams(
          Schema.Struct({ q: Schema.String, limit: Schema.NumberFromString, tag: Schema.Array(Schema.String) })
        )
        .addSuccess(Schema.Struct({ q: Schema.String, limit: Schema.Number, tags: Schema.Array(Schema.String) }))
    )
    .add(
      HttpApiEndpoint.post("create", "/items")
        .setPayload(Item)
        .addSuccess(Item, { status: 201 })
        .addError(Taken, { status: 409 })
    )
    .add(HttpApiEndpoint.del("remove", "/items/:id").setPath(path).addSuccess(HttpApiSchema.NoContent))
    .add(
      HttpApiEndpoint.get("whoAmI", "/me")
        .setHeaders(Schema.Struct({ "x-tenant": Schema.String }))
        .addSuccess(HttpApiSchema.Text())
    )
    .add(
      HttpApiEndpoint.put("replace", "/blobs/:id")
        .setPath(path)
        .setPayload(HttpApiSchema.Uint8Array())
        .addSuccess(HttpApiSchema.Uint8Array())
    )
    .add(
      HttpApiEndpoint.post("attach", "/attachments")
        .setPayload(HttpApiSchema.Multipart(Schema.Struct({ note: Schema.String, file: Multipart.SingleFileSchema })))
        .addSuccess(
          Schema.Struct({ note: Schema.String, name: Schema.String, type: Schema.String, text: Schema.String })
        )
    )
    .add(HttpApiEndpoint.get("broken", "/broken").addSuccess(Item).addError(HttpApiError.ServiceUnavailable))
)

const made = new Date("2026-11-24T00:00:00.000Z")

const Items = HttpApiBuilder.group(Api, "items", (handlers) =>
  handlers
    .handle("find", ({ path }) =>
      path.id === 1
        ? Effect.succeed(new Item({ id: 1, name: "one", made }))
        : Effect.fail(new Missing({ id: path.id })))
    .handle(
      "search",
      ({ urlParams }) => Effect.succeed({ q: urlParams.q, limit: urlParams.limit, tags: urlParams.tag })
    )
    .handle(
      "create",
      ({ payload }) => payload.name === "one" ? Effect.fail(new Taken({ name: "one" })) : Effect.succeed(payload)
    )
    .handle("remove", () => Effect.void)
    .handle("whoAmI", ({ headers, request }) => Effect.succeed(`${headers["x-tenant"]} by ${schemeOf(request)}`))
    .handle("replace", ({ payload }) => Effect.succeed(payload.slice().reverse()))
    .handle("attach", ({ payload }) =>
      Effect.gen(function*() {
        const files = yield* FileSystem.FileSystem
        const { contentType, name, path } = payload.file
        return { note: payload.note, name, type: contentType, text: yield* Effect.orDie(files.readFileString(path)) }
      }))
    .handle("broken", () => Effect.fail(new HttpApiError.ServiceUnavailable())))

const schemeOf = (request: HttpServerRequest.HttpServerRequest): string =>
  request.headers["authorization"]?.split(" ")[0] ?? "nobody"

/** The server of the API behind a door, and a client on a session that has the key. */
const calling = (scheme: "Basic" | "Digest" | undefined) =>
  Effect.gen(function*() {
    const door = scheme === undefined ? undefined : guard(doors[scheme]())
    const services = yield* Layer.build(
      Layer.mergeAll(
        HttpApiBuilder.api(Api).pipe(Layer.provide(Items)),
        HttpApiBuilder.Router.Live,
        HttpApiBuilder.Middleware.layer
      ).pipe(Layer.provideMerge(NodeHttpServer.layerContext))
    )
    const app = yield* Effect.provide(HttpApiBuilder.httpApp, services)
    const origin = yield* serve(Effect.provide(app, services), door?.middleware)
    const api = yield* HttpApiClient.make(Api, { baseUrl: origin }).pipe(
      Effect.provide(yield* Layer.build(client(resolver(origin))))
    )
    return { api, door }
  })

const upload = (): FormData => {
  const form = new FormData()
  form.set("note", "für Ada")
  form.set("file", new File(["line one\nline two\n"], "notes.txt", { type: "text/plain" }))
  return form
}

for (const scheme of [undefined, "Basic", "Digest"] as const) {
  describe(`HttpApiClient on a session${scheme === undefined ? "" : `, at a server that asks for ${scheme}`}`, () => {
    it.scopedLive("gives the schema's values and the server's typed errors", () =>
      Effect.gen(function*() {
        const { api, door } = yield* calling(scheme)
        assert.deepStrictEqual(yield* api.items.find({ path: { id: 1 } }), new Item({ id: 1, name: "one", made }))
        assert.deepStrictEqual(yield* Effect.flip(api.items.find({ path: { id: 2 } })), new Missing({ id: 2 }))
        const two = new Item({ id: 2, name: "two", made })
        assert.deepStrictEqual(yield* api.items.create({ payload: two }), two)
        assert.deepStrictEqual(
          yield* Effect.flip(api.items.create({ payload: new Item({ id: 3, name: "one", made }) })),
          new Taken({ name: "one" })
        )
        assert.strictEqual(yield* api.items.remove({ path: { id: 1 } }), undefined)
        assert.strictEqual((yield* Effect.flip(api.items.broken()))._tag, "ServiceUnavailable")
        // Basic covers the folder of what was asked for, `/items/`, then that of `/items` (RFC 7617 2.2); Digest the origin
        const refused = scheme === "Basic" ? 2 : 1
        if (door !== undefined) assert.deepStrictEqual([door.refused(), door.admitted()], [refused, 6])
      }))

    it.scopedLive("sends path, query, fields and bytes as the endpoint has them", () =>
      Effect.gen(function*() {
        const { api } = yield* calling(scheme)
        assert.deepStrictEqual(
          yield* api.items.search({ urlParams: { q: "a b&c=ü", limit: 5, tag: ["x", "y/z"] } }),
          { q: "a b&c=ü", limit: 5, tags: ["x", "y/z"] }
        )
        assert.strictEqual(
          yield* api.items.whoAmI({ headers: { "x-tenant": "acme" } }),
          `acme by ${scheme ?? "nobody"}`
        )
        const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
        assert.deepStrictEqual(yield* api.items.replace({ path: { id: 1 }, payload: bytes }), bytes.slice().reverse())
      }))

    it.scopedLive("uploads a form with a file, again after a challenge", () =>
      Effect.gen(function*() {
        const { api, door } = yield* calling(scheme)
        assert.deepStrictEqual(yield* api.items.attach({ payload: upload() }), {
          note: "für Ada",
          name: "notes.txt",
          type: "text/plain",
          text: "line one\nline two\n"
        })
        if (door !== undefined) assert.deepStrictEqual([door.refused(), door.admitted()], [1, 1])
      }))
  })
}
