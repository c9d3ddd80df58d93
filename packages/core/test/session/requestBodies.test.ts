// Bodies that are made while they are sent: Streams, forms, providers; sent again, cut, used up, and of the wrong length.
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as BodyStreamProvider from "@urlsession/core/BodyStreamProvider"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { ada } from "./authSupport.ts"
import { api, encode, inTurn, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const words = Stream.make("one ", "two ", "three").pipe(Stream.encodeText)

const post = (body: RequestBody.RequestBody, session?: UrlSession.Service) =>
  session === undefined
    ? Effect.flatMap(UrlSession.make(), (made) => made.upload(api, body))
    : session.upload(api, body)

const sent = Effect.map(requests, (all) => all.map((one) => one.body === undefined ? undefined : text(one.body)))

const reasonOf = (error: { readonly _tag: string; readonly reason: { readonly _tag: string } }) =>
  `${error._tag}/${error.reason._tag}`

const basic = ChallengeResolver.layer({
  Basic: ChallengeResolver.forSpace({ origin: "https://api.test" }, () => Effect.succeed(Disposition.use(ada)))
})

const challengedOnce = inTurn(TestTransport.challenge("Basic realm=\"r\""), ok())

describe("a Stream as a body", () => {
  it.scoped("is sent as it is made, without a length (BOD-01)", () =>
    Effect.gen(function*() {
      yield* post(RequestBody.stream(words))
      const [one] = yield* requests
      assert.strictEqual(one?.method, "POST")
      assert.strictEqual(text(one?.body ?? encode("")), "one two three")
    }).pipe(scripted(() => ok())))

  it.scoped("comes from a request of the platform too, with its length and type", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const request = HttpClientRequest.put(api).pipe(
        HttpClientRequest.bodyStream(words, { contentLength: 13, contentType: "text/words" })
      )
      const task = yield* session.dataTask(request)
      assert.strictEqual((yield* task.snapshot).bytesExpectedToSend, 13)
      yield* task.data
      const [one] = yield* requests
      assert.strictEqual(one?.header("content-type"), "text/words")
      assert.strictEqual(text(one?.body ?? encode("")), "one two three")
    }).pipe(scripted(() => ok())))

  it.scoped("keeps the caller's Content-Length as its announced length (TSK-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const request = HttpClientRequest.put(api).pipe(
        HttpClientRequest.bodyStream(words),
        HttpClientRequest.setHeader("content-length", "12")
      )
      const error = yield* Effect.flip(session.data(request))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyLengthMismatch")
    }).pipe(scripted(() => ok())))

  for (
    const [announced, says] of [[14, "ended after 13"], [12, "is longer"], [5, "is longer"], [1, "is longer"]] as const
  ) {
    it.scoped(`of 13 bytes that is announced with ${announced} fails, and says that it ${says}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(post(RequestBody.stream(words, { length: announced })))
        assert.strictEqual(reasonOf(error), "InvalidRequest/BodyLengthMismatch")
        assert.include(error.message, says)
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(scripted(() => ok())))
  }

  it.scoped("in the place of a text whose Content-Length it leaves is told what is wrong", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const request = HttpClientRequest.post(api).pipe(
        HttpClientRequest.bodyText("a text"),
        HttpClientRequest.bodyStream(words)
      )
      const error = yield* Effect.flip(session.data(request))
      assert.strictEqual(error.reason._tag, "BodyLengthMismatch")
      assert.include(error.message, "a body that was set before")
      // what is uploaded takes the place of all that the earlier body has said
      yield* session.upload(request, RequestBody.stream(words))
      assert.deepStrictEqual((yield* sent).at(-1), "one two three")
    }).pipe(scripted(() => ok())))

  it.scoped("that fails ends the request with its failure as the cause", () =>
    Effect.gen(function*() {
      const failing = Stream.concat(words, Stream.fail("the disk is gone"))
      const error = yield* Effect.flip(post(RequestBody.stream(failing)))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyStreamFailed")
      assert.strictEqual(error.cause, "the disk is gone")
      assert.notInclude(error.message, "disk")
      const dying = yield* Effect.flip(post(RequestBody.stream(Stream.die(new Error("a bug")))))
      assert.strictEqual(reasonOf(dying), "InvalidRequest/BodyStreamFailed")
    }).pipe(scripted(() => ok())))

  it.scoped("that interrupts itself fails the request and not its caller", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(post(RequestBody.stream(Stream.fromEffect(Effect.interrupt))))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyStreamFailed")
    }).pipe(scripted(() => ok())))

  it.scoped("of many small pieces, empty ones among them, arrives whole and in order", () =>
    Effect.gen(function*() {
      const pieces = Array.from({ length: 10_000 }, (_, i) => encode(i % 7 === 0 ? "" : `${i},`))
      yield* post(RequestBody.stream(Stream.fromChunk(Chunk.unsafeFromArray(pieces))))
      assert.deepStrictEqual(yield* sent, [pieces.map((piece) => text(piece)).join("")])
    }).pipe(scripted(() => ok())))

  it.scoped("that never ends is given up with its task, and its finalizers have run when the session has ended", () =>
    Effect.gen(function*() {
      let finalized = 0
      const endless = Stream.concat(words, Stream.never).pipe(
        Stream.ensuring(Effect.sync(() => {
          finalized++
        }))
      )
      const session = yield* UrlSession.make()
      const fiber = yield* Effect.fork(post(RequestBody.stream(endless), session))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* session.invalidateAndCancel
      assert.strictEqual(finalized, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("runs with the services and the context of whoever asks", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const seen = Stream.fromEffect(
        Effect.map(RequestOptions.RequestOptions, (options) => encode(String(options.taskDescription)))
      )
      yield* session.upload(api, RequestBody.stream(seen)).pipe(RequestOptions.with({ taskDescription: "mine" }))
      assert.deepStrictEqual(yield* sent, ["mine"])
    }).pipe(scripted(() => ok())))

  it.scoped("tells how much of it is sent, of how much (TDL-08, TSK-10)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(recorder.layer))
      yield* post(RequestBody.stream(words, { length: 13 }), session)
      yield* settle
      const progress = recorder.of("BodyDataSent")
      assert.deepInclude(progress[progress.length - 1], { totalBytesSent: 13, totalBytesExpectedToSend: 13 })
      assert.strictEqual(progress.reduce((sum, one) => sum + one.bytesSent, 0), 13)
    }).pipe(scripted(() => ok()))
  })

  it.scoped("of no bytes at all is no body where its length says so (BOD-05)", () =>
    Effect.gen(function*() {
      yield* post(RequestBody.stream(Stream.empty, { length: 0 }))
      const [one] = yield* requests
      assert.strictEqual(one?.body, undefined)
    }).pipe(scripted(() => ok())))
})

describe("a body that has to be sent again", () => {
  it.scoped("is made again after a challenge (TDL-06, AUT-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(basic))
      const [, response] = yield* post(RequestBody.stream(words), session)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, ["one two three", "one two three"])
    }).pipe(scripted(challengedOnce)))

  for (
    const [status, expected] of [[307, "one two three"], [308, "one two three"], [303, undefined], [
      301,
      undefined
    ]] as const
  ) {
    it.scoped(`after a ${status} ${expected === undefined ? "is left out" : "is made again"} (RED-02)`, () =>
      Effect.gen(function*() {
        yield* post(RequestBody.stream(words))
        assert.deepStrictEqual(yield* sent, ["one two three", expected])
      }).pipe(scripted(inTurn(TestTransport.redirect(status, "/elsewhere"), ok()))))
  }

  const usedUp = (queue: Queue.Queue<Uint8Array>, count: number) =>
    Stream.fromQueue(queue, { maxChunkSize: 1 }).pipe(Stream.take(count))

  it.scoped("and has been used up fails, and is not sent with other bytes (BOD-06)", () =>
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<Uint8Array>()
      yield* queue.offerAll([encode("first"), encode("second")])
      const session = yield* UrlSession.make().pipe(Effect.provide(basic))
      const error = yield* Effect.flip(post(RequestBody.stream(usedUp(queue, 1)), session))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyStreamExhausted")
      assert.strictEqual(error.code, -1021)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(challengedOnce)))

  it.scoped("and comes out empty, shorter or longer the second time fails", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(basic))
      for (const second of ["", "one two", "one two three four"]) {
        let turn = 0
        const changing = Stream.suspend(() => Stream.make(turn++ === 0 ? "one two three" : second)).pipe(
          Stream.encodeText
        )
        const error = yield* Effect.flip(post(RequestBody.stream(changing), session))
        assert.strictEqual(reasonOf(error), "InvalidRequest/BodyStreamExhausted", second)
      }
    }).pipe(
      scripted((request) => request.authorization === undefined ? TestTransport.challenge("Basic realm=\"r\"") : ok())
    ))

  it.scoped("and whose stream refuses to be run again fails with that as the cause", () =>
    Effect.gen(function*() {
      let turn = 0
      const once = Stream.suspend(() => turn++ === 0 ? words : Stream.fail("already read"))
      const session = yield* UrlSession.make().pipe(Effect.provide(basic))
      const error = yield* Effect.flip(post(RequestBody.stream(once), session))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyStreamExhausted")
      assert.strictEqual(error.cause, "already read")
    }).pipe(scripted(challengedOnce)))
})

describe("a BodyStreamProvider", () => {
  const asked: Array<BodyStreamProvider.NeedBodyStream> = []
  const provider = BodyStreamProvider.layer((need) =>
    Effect.sync(() => {
      asked.push(need)
      return Option.some(Stream.encodeText(Stream.make(`attempt ${need.attempt}`)))
    })
  )

  it.scoped("is asked when the body is needed again (TDL-06)", () =>
    Effect.gen(function*() {
      asked.length = 0
      const session = yield* UrlSession.make().pipe(Effect.provide(basic), Effect.provide(provider))
      yield* session.upload(`${api}x?secret=1`, RequestBody.stream(words))
      assert.deepStrictEqual(yield* sent, ["one two three", "attempt 1"])
      assert.strictEqual(asked.length, 1)
      assert.deepInclude(asked[0], { attempt: 1, offset: 0, method: "POST" })
      assert.notInclude(asked[0]?.url, "secret")
    }).pipe(scripted(challengedOnce)))

  it.scoped("gives the first stream where the body is its own", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(basic), Effect.provide(provider))
      yield* post(RequestBody.fromProvider(), session)
      assert.deepStrictEqual(yield* sent, ["attempt 0", "attempt 1"])
    }).pipe(scripted(challengedOnce)))

  it.scoped("that is missing, or has none, is BodyStreamExhausted, -1021", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(post(RequestBody.fromProvider()))
      assert.strictEqual(reasonOf(missing), "InvalidRequest/BodyStreamExhausted")
      const none = yield* UrlSession.make().pipe(
        Effect.provide(BodyStreamProvider.layer(() => Effect.succeedNone))
      )
      assert.strictEqual(
        reasonOf(yield* Effect.flip(post(RequestBody.fromProvider(), none))),
        "InvalidRequest/BodyStreamExhausted"
      )
      // where the body has a stream of its own, that one is run again
      yield* post(RequestBody.stream(words), none)
      assert.deepStrictEqual(yield* sent, ["one two three"])
    }).pipe(scripted(() => ok())))

  it.scoped("of the task is asked before that of the session (DEL-02)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(provider))
      const own = yield* BodyStreamProvider.make(() => Effect.succeedSome(Stream.encodeText(Stream.make("the task's"))))
      yield* post(RequestBody.fromProvider(), session).pipe(TaskDelegate.provide({ body: own }))
      assert.deepStrictEqual(yield* sent, ["the task's"])
    }).pipe(scripted(() => ok())))

  it.scoped("that fails or dies ends the task with DelegateFailed", () =>
    Effect.gen(function*() {
      for (const bad of [Effect.fail("no"), Effect.die("bug")]) {
        const session = yield* UrlSession.make().pipe(Effect.provide(BodyStreamProvider.layer(() => bad)))
        const error = yield* Effect.flip(post(RequestBody.fromProvider(), session))
        assert.strictEqual(reasonOf(error), "DelegateFailed/HandlerFailed")
        assert.include(error.message, "BodyStreamProvider")
      }
    }).pipe(scripted(() => ok())))

  it.scoped("that never answers is given up with the task", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(
        Effect.provide(BodyStreamProvider.layer(() => Effect.never))
      )
      const fiber = yield* Effect.fork(post(RequestBody.fromProvider(), session))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("gives a stream that must keep the announced length", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(provider))
      const error = yield* Effect.flip(post(RequestBody.fromProvider({ length: 3 }), session))
      assert.strictEqual(reasonOf(error), "InvalidRequest/BodyLengthMismatch")
    }).pipe(scripted(() => ok())))
})

describe("a form", () => {
  const form = () => {
    const made = new FormData()
    made.append("name", "Ada Lovelace")
    made.append("bad \"name\"\r\n", "line\nends")
    made.append("file", new Blob([encode("first "), encode("file")], { type: "text/plain" }), "fün \"f\".txt")
    made.append("empty", new Blob([]), "empty.bin")
    made.append("name", "twice")
    return made
  }
  const read = (body: Uint8Array | undefined, type: string | undefined) =>
    Effect.promise(() =>
      new Response(body === undefined ? null : new Uint8Array(body), { headers: { "content-type": type ?? "" } })
        .formData()
    )

  it.scoped("is sent as multipart/form-data that others read (RFC 7578), as often as it must be", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(basic))
      yield* session.data(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyFormData(form())))
      const all = yield* requests
      assert.strictEqual(all.length, 2)
      assert.deepStrictEqual(all[0]?.body, all[1]?.body)
      const back = yield* read(all[0]?.body, all[0]?.header("content-type"))
      assert.deepStrictEqual(back.getAll("name"), ["Ada Lovelace", "twice"])
      assert.deepStrictEqual(back.getAll("bad \"name\"\r\n"), ["line\r\nends"])
      const file = back.get("file")
      assert.instanceOf(file, File)
      if (!(file instanceof File)) return
      assert.strictEqual(file.name, "fün \"f\".txt")
      assert.strictEqual(file.type, "text/plain")
      assert.strictEqual(yield* Effect.promise(() => file.text()), "first file")
    }).pipe(scripted(challengedOnce)))

  it.scoped("has a length, a boundary of its own each time, and cannot be split from its type by the caller", () =>
    Effect.gen(function*() {
      const one = RequestBody.formData(form())
      const two = RequestBody.formData(form())
      assert.notStrictEqual(one.contentType, two.contentType)
      yield* post(one)
      const [seen] = yield* requests
      assert.strictEqual(seen?.body?.length, one.length)
      assert.strictEqual(seen?.header("content-type"), one.contentType)
    }).pipe(scripted(() => ok())))

  it.scoped("holds no header that a name or type would inject", () =>
    Effect.gen(function*() {
      const evil = new FormData()
      evil.append("a\"\r\nX-Evil: 1\r\n\r\n", new Blob([encode("x")], { type: "text/plain" }), "b\"\r\nX-Evil: 2")
      yield* post(RequestBody.formData(evil))
      const [seen] = yield* sent
      assert.notMatch(seen ?? "", /^X-Evil/m)
    }).pipe(scripted(() => ok())))
})

describe("a RequestBody", () => {
  it.scoped("goes through any client as a raw body, with its own type where the request has none", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const body = RequestBody.text("hello")
      yield* session.data(HttpClientRequest.setBody(HttpClientRequest.post(api), HttpBody.raw(body)))
      yield* session.upload(
        HttpClientRequest.put(api).pipe(HttpClientRequest.setHeader("content-type", "text/mine")),
        body
      )
      const all = yield* requests
      assert.deepStrictEqual(all.map((one) => one.header("content-type")), ["text/plain; charset=utf-8", "text/mine"])
      assert.deepStrictEqual(yield* sent, ["hello", "hello"])
    }).pipe(scripted(() => ok())))

  it.scoped("takes the place of a body that the request had, and of what that said of itself", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const request = HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("old and long", "text/old"))
      yield* session.upload(request, RequestBody.bytes(encode("new")))
      const [one] = yield* requests
      assert.strictEqual(text(one?.body ?? encode("")), "new")
      assert.notStrictEqual(one?.header("content-type"), "text/old")
    }).pipe(scripted(() => ok())))

  it.scoped("cannot be sent by a GET", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.upload(HttpClientRequest.get(api), RequestBody.stream(words)))
      assert.strictEqual(reasonOf(error), "InvalidRequest/GetWithBody")
    }).pipe(scripted(() => ok())))

  it("shows nothing of what is in it", () => {
    const body = RequestBody.text("my secret")
    assert.notInclude(JSON.stringify(body), "secret")
    assert.deepInclude(JSON.parse(JSON.stringify(body)), { length: 9 })
  })

  it.scoped("of an upload task is sent when the task is let, and the task tells how far it is (TSK-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.uploadTask(api, RequestBody.stream(words, { length: 13 }))
      assert.strictEqual((yield* task.snapshot).state, "suspended")
      yield* settle
      assert.deepStrictEqual(yield* requests, [])
      const [bytes] = yield* task.data
      assert.strictEqual(text(bytes), "hello")
      assert.deepInclude(yield* task.snapshot, { bytesSent: 13, bytesExpectedToSend: 13 })
    }).pipe(scripted(() => ok())))
})
