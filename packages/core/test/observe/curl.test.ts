/** Requests as commands of curl: run by a real shell, with a curl that prints what it was given. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"

const api = "https://api.test/"
let folder = ""

// each word on a line of its own, as hexadecimal; the standard input where there is some to read
const fake = `#!/bin/sh
for word in "$@"; do printf %s "$word" | od -An -v -tx1 | tr -d ' \\n'; echo; done
case "$*" in *@-*) printf 'stdin '; od -An -v -tx1 | tr -d ' \\n'; echo;; esac
`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "curl-"))
  writeFileSync(join(folder, "curl"), fake)
  chmodSync(join(folder, "curl"), 0o755)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hex = (text: string): string => Buffer.from(text, "hex").toString()

const run = (input: SessionRequest.Input, options?: SessionRequest.CurlOptions) => {
  const command = Either.getOrThrow(SessionRequest.toCurl(input, options))
  const path = `${folder}:${process.env["PATH"] ?? ""}`
  const lines = execFileSync("/bin/sh", ["-c", command], { env: { PATH: path }, encoding: "utf8", input: "" })
    .split("\n").slice(0, -1)
  const stdin = lines.find((line) => line.startsWith("stdin "))?.slice(6)
  return { words: lines.filter((line) => !line.startsWith("stdin ")).map(hex), stdin, command }
}

const valueOf = (words: ReadonlyArray<string>, option: string) => words[words.indexOf(option) + 1]

const posting = HttpClientRequest.post(api)

describe("a request as a command", () => {
  it("is short where there is little to say, and asks by the method that it is", () => {
    assert.strictEqual(run(api).command, "curl --url https://api.test/")
    assert.deepStrictEqual(run(HttpClientRequest.head(api)).words, ["--head", "--url", api])
    assert.deepStrictEqual(run(HttpClientRequest.del(api)).words, ["--request", "DELETE", "--url", api])
    assert.deepStrictEqual(run(posting).words, ["--request", "POST", "--url", api])
    assert.deepStrictEqual(run(`${api}{a}[1-3]`).words, ["--globoff", "--url", `${api}%7Ba%7D[1-3]`])
  })

  it("shows who sends it to nobody but those who ask", () => {
    const request = posting.pipe(
      HttpClientRequest.setUrl("https://ada:hunter2@api.test/?access_token=hunter2"),
      HttpClientRequest.setHeaders({ authorization: "Bearer hunter2", cookie: "sid=hunter2", "x-own": "hunter2" }),
      HttpClientRequest.bodyText("user=x&password=hunter2", "application/x-www-form-urlencoded")
    )
    const hidden = run(request)
    assert.notInclude(hidden.command, "hunter2")
    assert.strictEqual(valueOf(hidden.words, "--user"), "<redacted>:<redacted>")
    assert.include(hidden.words, "authorization: Bearer <redacted>")
    const shown = run(request, { showSecrets: true })
    assert.strictEqual(valueOf(shown.words, "--user"), "ada:hunter2")
    assert.strictEqual(valueOf(shown.words, "--url"), `${api}?access_token=hunter2`)
    assert.include(shown.words, "x-own: hunter2")
    assert.strictEqual(valueOf(shown.words, "--data-raw"), "user=x&password=hunter2")
  })

  it("gives every text back through the shell, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
        const request = HttpClientRequest.put(api).pipe(
          HttpClientRequest.bodyUint8Array(new TextEncoder().encode(text))
        )
        const { stdin, words } = run(request, { showSecrets: true })
        const sent = words.includes("--data-raw") ? valueOf(words, "--data-raw") : hex(stdin ?? "")
        assert.strictEqual(sent, Buffer.from(text).toString())
      }),
      { numRuns: 20, examples: [["@/etc/passwd"], ["it's $HOME `id` \\ \"!\"\n"], ["%s\\n\0"], ["-x"], ["\n"]] }
    )
  })

  it("gives bytes that no word can hold through the standard input", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const { stdin, words } = run(posting.pipe(HttpClientRequest.bodyUint8Array(bytes, "application/octet-stream")))
    assert.strictEqual(stdin, Buffer.from(bytes).toString("hex"))
    assert.strictEqual(valueOf(words, "--data-binary"), "@-")
  })

  it("names the files of a form, and the values of its fields but the secret ones", () => {
    const form = new FormData()
    form.append("note", "@it's; type=x")
    form.append("password", "hunter2")
    form.append("photo", new File([Uint8Array.of(1)], "my \"cat\".png", { type: "image/png" }))
    for (
      const request of [
        posting.pipe(HttpClientRequest.bodyFormData(form)),
        SessionRequest.withBody(api, RequestBody.formData(form))
      ]
    ) {
      const { words } = run(request)
      assert.deepStrictEqual(words, [
        "--form-string",
        "note=@it's; type=x",
        "--form-string",
        "password=<redacted>",
        "--form",
        "photo=@\"my \\\"cat\\\".png\";type=image/png",
        "--url",
        api
      ])
    }
  })

  it("expects a stream on the standard input, and an empty field as curl writes one", () => {
    const { words } = run(
      HttpClientRequest.put(api).pipe(
        HttpClientRequest.bodyStream(Stream.make(Uint8Array.of(1)), { contentType: "text/plain" }),
        HttpClientRequest.setHeader("accept", "")
      )
    )
    assert.deepStrictEqual(words.slice(0, 2), ["--request", "PUT"])
    assert.include(words, "accept;")
    assert.strictEqual(valueOf(words, "--data-binary"), "@-")
  })

  it("fails for what a session would not send", () => {
    const bad = posting.pipe(HttpClientRequest.setHeader("x-a", "b\r\nc: d"))
    assert.strictEqual(Either.getOrThrow(Either.flip(SessionRequest.toCurl(bad))).reason._tag, "InvalidHeader")
    assert.isTrue(Either.isLeft(SessionRequest.toCurl("nowhere")))
  })
})
