/** What browsers do with cookies, one line a case: the areas of the Web Platform Tests, in cases of our own. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Case, exchange, site } from "./support.ts"

const secure = "https://www.shop.test"

const all = (area: string, cases: ReadonlyArray<Case>) =>
  describe(area, () => {
    for (const one of cases) {
      it.effect(one.name, () => Effect.map(exchange(one), (sent) => assert.strictEqual(sent, one.sent)))
    }
  })

const control = Array.from({ length: 33 }, (_, index) => index === 32 ? 0x7f : index).filter((code) => code !== 0x09)

all("names and values (RFC 6265bis 5.6)", [
  { name: "a pair", lines: "color=red", sent: "color=red" },
  { name: "blanks around name and value go", lines: " \t color \t = \t red \t ", sent: "color=red" },
  { name: "blanks inside stay", lines: "my color=dark red", sent: "my color=dark red" },
  { name: "HTAB inside stays", lines: "a\tb=c\td", sent: "a\tb=c\td" },
  { name: "only the first = divides", lines: "a=b=c==", sent: "a=b=c==" },
  { name: "an empty value", lines: "a=", sent: "a=" },
  { name: "no name", lines: "=red", sent: "red" },
  { name: "no name and no =", lines: "red", sent: "red" },
  { name: "no name, and = in the value", lines: "==red", sent: "=red" },
  { name: "nothing at all", lines: ["", "=", " ", ";", "; Path=/", "= ; a=b", "\t"], sent: undefined },
  { name: "nothing at all beside something", lines: ["a=1", "=", "b=2"], sent: "a=1; b=2" },
  { name: "quotes are part of the value", lines: "a=\"b c\"", sent: "a=\"b c\"" },
  { name: "a semicolon ends it, in quotes too", lines: "a=\"b;c\"", sent: "a=\"b" },
  { name: "a comma divides nothing", lines: "a=1, b=2", sent: "a=1, b=2" },
  { name: "percent signs are only characters", lines: "a=%20%zz", sent: "a=%20%zz" },
  { name: "names have a case", lines: ["a=1", "A=2"], sent: "a=1; A=2" },
  { name: "names may be odd", lines: "$<>@,?\\\"{}[]=1", sent: "$<>@,?\\\"{}[]=1" },
  { name: "the last of a name counts", lines: ["a=1", "b=2", "a=3"], sent: "a=3; b=2" },
  { name: "the last without a name counts", lines: ["one", "=two"], sent: "two" },
  ...control.flatMap((code): ReadonlyArray<Case> => {
    const hex = code.toString(16).padStart(2, "0")
    const character = String.fromCharCode(code)
    return [
      { name: `control character ${hex} in the name`, lines: `a${character}b=1`, sent: undefined },
      { name: `control character ${hex} in the value`, lines: `a=1${character}2`, sent: undefined },
      { name: `control character ${hex} in an attribute`, lines: `a=1; x=${character}`, sent: undefined }
    ]
  })
])

const of = (name: number, value: number) => `${"n".repeat(name)}=${"v".repeat(value)}`

all("sizes (RFC 6265bis 5.6)", [
  { name: "4,096 octets", lines: of(96, 4000), sent: of(96, 4000) },
  { name: "4,097 octets", lines: of(97, 4000), sent: undefined },
  { name: "4,096 octets of name", lines: of(4096, 0), sent: of(4096, 0) },
  { name: "4,097 octets of name", lines: of(4097, 0), sent: undefined },
  { name: "4,096 octets of value", lines: of(0, 4096), sent: "v".repeat(4096) },
  { name: "4,097 octets of value, without =", lines: "v".repeat(4097), sent: undefined },
  { name: "blanks do not count", lines: `${of(96, 4000)}${" ".repeat(100)}`, sent: of(96, 4000) },
  { name: "attributes do not count", lines: `a=1; x=${"y".repeat(9000)}`, sent: "a=1" },
  { name: "a path of 1,025 is not there", lines: `a=1; Path=/; Path=/${"p".repeat(1024)}`, sent: "a=1" },
  {
    name: "a path of 1,024 is",
    lines: `a=1; Path=/${"p".repeat(1023)}`,
    at: `${site}/${"p".repeat(1023)}/x`,
    sent: "a=1"
  },
  {
    name: "a domain of 1,025 is not there",
    lines: `a=1; Domain=shop.test; Domain=${"d".repeat(1021)}.test`,
    sent: "a=1"
  },
  { name: "an expiry of 1,025 is not there", lines: `a=1; Max-Age=${"0".repeat(1025)}`, sent: "a=1" }
])

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1")

all("octets beyond ASCII go back as they came", [
  { name: "UTF-8 in the value", lines: `a=${bytes("žluťoučký kůň")}`, sent: `a=${bytes("žluťoučký kůň")}` },
  { name: "UTF-8 in the name", lines: `${bytes("имя")}=1`, sent: `${bytes("имя")}=1` },
  { name: "UTF-8 without a name", lines: bytes("\"名=前\""), sent: bytes("\"名=前\"") },
  { name: "what is no UTF-8", lines: "a=\xff\xfe\x80", sent: "a=\xff\xfe\x80" },
  { name: "a no-break space is no blank", lines: "a=\xa0b\xa0", sent: "a=\xa0b\xa0" },
  { name: "text that no wire has carried", lines: "a=春节", sent: "a=春节" },
  { name: "an attribute of it is not known", lines: `a=1; ${bytes("完全")}`, sent: "a=1" },
  { name: "4,096 octets of it", lines: `a=${bytes("é".repeat(2048))}`, sent: undefined },
  { name: "the octets of text that no wire has carried count", lines: `a=${"春".repeat(1366)}`, sent: undefined }
])

all("attributes", [
  { name: "unknown ones", lines: "a=1; x; y=; \"z\"; Secure x; \"Secure\"; =; ; ;v=1,w", sent: "a=1" },
  { name: "names in any case", lines: "a=1; MAX-AGE=0", sent: undefined },
  { name: "blanks around them", lines: "a=1;  max-age \t = \t 0 \t", sent: undefined },
  {
    name: "a flag with a value is one",
    from: `${secure}/`,
    lines: "a=1; Secure=false",
    at: `${site}/`,
    sent: undefined
  },
  { name: "Expires before now", lines: "a=1; Expires=Fri, 07 Aug 2026 08:04:19 GMT", sent: undefined },
  { name: "Expires after now", lines: "a=1; Expires=Fri, 07 Aug 2027 08:04:19 GMT", sent: "a=1" },
  { name: "an Expires that is none", lines: "a=1; Expires=soon", sent: "a=1" },
  { name: "Expires with something behind it", lines: "a=1; Expires=Fri 01 Jan 2038 00:00:00 GMT, b=2", sent: "a=1" },
  {
    name: "an Expires that is none leaves the one before",
    lines: "a=1; Expires=1 Jan 2000 0:0:0; Expires=x",
    sent: undefined
  },
  { name: "the last Expires counts", lines: "a=1; Expires=1 Jan 2000 0:0:0; Expires=1 Jan 2027 0:0:0", sent: "a=1" },
  { name: "Max-Age wins over Expires", lines: "a=1; Max-Age=9; Expires=1 Jan 2000 0:0:0", sent: "a=1" },
  { name: "Max-Age 0", lines: "a=1; Max-Age=0", sent: undefined },
  { name: "Max-Age below 0", lines: "a=1; Max-Age=-1", sent: undefined },
  { name: "the last Max-Age counts", lines: "a=1; Max-Age=0; Max-Age=9", sent: "a=1" },
  ...["", "x", "+0", "0x0", "0,5", "0.5", "-", "- 1", "--1", "\"0\""].map((text): Case => ({
    name: `Max-Age "${text}" is none`,
    lines: `a=1; Max-Age=${text}`,
    sent: "a=1"
  })),
  { name: "Max-Age beyond all numbers", lines: `a=1; Max-Age=${"9".repeat(400)}`, sent: "a=1" },
  { name: "Max-Age below all numbers", lines: `a=1; Max-Age=-${"9".repeat(400)}`, sent: undefined },
  { name: "an expired one removes its like", lines: ["a=1", "b=2", "a=; Max-Age=0"], sent: "b=2" },
  {
    name: "and nothing else",
    lines: ["a=1", "a=2; Path=/a; Max-Age=0", "a=3; Domain=shop.test; Max-Age=0"],
    sent: undefined
  },
  { name: "of another path", lines: ["a=1", "a=2; Path=/; Max-Age=0"], sent: "a=1" },
  { name: "of another domain", lines: ["a=1", "a=3; Domain=www.shop.test; Max-Age=0"], sent: "a=1" }
])

all("domains (RFC 6265bis 5.7, COS-05, COS-10)", [
  { name: "without Domain, the host alone", lines: "a=1; Path=/", at: "http://x.www.shop.test/", sent: undefined },
  {
    name: "the host and what is below it",
    lines: "a=1; Domain=www.shop.test",
    at: "http://x.y.www.shop.test/a",
    sent: "a=1"
  },
  { name: "the domain above", lines: "a=1; Path=/; Domain=shop.test", at: "http://api.shop.test/", sent: "a=1" },
  { name: "one dot in front", lines: "a=1; Path=/; Domain=.shop.test", at: "http://shop.test/", sent: "a=1" },
  { name: "in any case", lines: "a=1; Domain=ShOp.TeSt", sent: "a=1" },
  { name: "a URL in any case", lines: "a=1; Domain=shop.test", at: "http://WWW.sHop.test/a/b", sent: "a=1" },
  { name: "blanks before the dot", lines: "a=1; Domain= \t .shop.test", sent: "a=1" },
  { name: "an empty one", lines: "a=1; Domain=", sent: "a=1" },
  {
    name: "an empty one is the host alone",
    lines: "a=1; Path=/; Domain=",
    at: "http://x.www.shop.test/",
    sent: undefined
  },
  {
    name: "an empty one after another",
    lines: "a=1; Path=/; Domain=shop.test; Domain=",
    at: "http://shop.test/",
    sent: "a=1"
  },
  { name: "the last one counts", lines: "a=1; Domain=other.test; Domain=shop.test", sent: "a=1" },
  { name: "the last one counts, if it is bad too", lines: "a=1; Domain=shop.test; Domain=other.test", sent: undefined },
  ...[
    "..shop.test",
    "shop.test.",
    "shop..test",
    "www.shop.test:80",
    "\"shop.test\"",
    ". shop.test",
    "shop.test .",
    "test",
    ".test",
    ".test.",
    "op.test",
    "x.www.shop.test",
    "api.shop.test",
    "other.test",
    "https://shop.test",
    "shop.test/",
    "*.shop.test",
    "127.0.0.1",
    bytes("é.shop.test")
  ].map((domain): Case => ({ name: `not ${domain}`, lines: `a=1; Domain=${domain}`, sent: undefined })),
  { name: "a public suffix", from: "http://a.co.uk/", lines: "a=1; Domain=co.uk", sent: undefined },
  {
    name: "a public suffix of a company",
    from: "http://a.github.io/",
    lines: "a=1; Domain=github.io",
    sent: undefined
  },
  {
    name: "a public suffix that is the host is the host alone",
    from: "http://github.io/",
    lines: "a=1; Domain=github.io",
    sent: "a=1"
  },
  {
    name: "and nothing below it",
    from: "http://github.io/",
    lines: "a=1; Domain=github.io",
    at: "http://a.github.io/",
    sent: undefined
  },
  {
    name: "a host with a dot at its end is another",
    lines: "a=1; Path=/",
    at: "http://www.shop.test./",
    sent: undefined
  },
  { name: "a public suffix with a dot at its end", from: "http://a.com./", lines: "a=1; Domain=com.", sent: undefined },
  { name: "a name without dots", from: "http://intranet/", lines: "a=1; Domain=intranet", sent: "a=1" },
  { name: "an address", from: "http://10.0.0.1/", lines: "a=1; Domain=10.0.0.1", sent: "a=1" },
  { name: "no part of an address", from: "http://10.0.0.1/", lines: "a=1; Domain=0.0.1", sent: undefined },
  { name: "an address of version 6", from: "http://[::1]/", lines: "a=1", sent: "a=1" },
  { name: "another port is the same host", lines: "a=1", at: "http://www.shop.test:8080/a/", sent: "a=1" },
  {
    name: "a punycode host",
    from: "http://élève.shop.test/",
    lines: "a=1; Domain=xn--lve-6lad.shop.test",
    sent: "a=1"
  },
  {
    name: "the host's and the domain's are two",
    lines: ["a=1", "a=2; Domain=www.shop.test"],
    sent: "a=1; a=2"
  },
  {
    name: "with and without the dot they are one",
    lines: ["a=1; Domain=shop.test", "a=2; Domain=.shop.test"],
    sent: "a=2"
  }
])

all("paths (RFC 6265bis 5.1.4)", [
  { name: "the directory of the URL", lines: "a=1", at: `${site}/a/c/d?x=/y`, sent: "a=1" },
  { name: "and not its neighbour", lines: "a=1", at: `${site}/ab`, sent: undefined },
  { name: "of a file at the root", from: `${site}/x`, lines: "a=1", at: `${site}/y`, sent: "a=1" },
  { name: "the query is no path", from: `${site}/x?/y/z`, lines: "a=1", at: `${site}/`, sent: "a=1" },
  { name: "a directory is itself", from: `${site}/a/b/`, lines: "a=1", at: `${site}/a/b`, sent: "a=1" },
  { name: "a path that is said", lines: "a=1; Path=/z", at: `${site}/z/1`, sent: "a=1" },
  { name: "exactly", lines: "a=1; Path=/a/b", sent: "a=1" },
  { name: "with a slash at its end, not without", lines: "a=1; Path=/a/b/", sent: undefined },
  { name: "with a slash at its end", lines: "a=1; Path=/a/", sent: "a=1" },
  { name: "not in mid-segment", lines: "a=1; Path=/a/", at: `${site}/ab`, sent: undefined },
  { name: "not further down", lines: "a=1; Path=/a/b/c", sent: undefined },
  { name: "without a slash in front it is not there", lines: "a=1; Path=z", sent: "a=1" },
  { name: "in quotes neither", lines: "a=1; Path=\"/\"", at: `${site}/z`, sent: undefined },
  { name: "empty neither", lines: "a=1; Path=", at: `${site}/z`, sent: undefined },
  { name: "the last one counts", lines: "a=1; Path=/x; Path=/a", sent: "a=1" },
  { name: "the last one counts, if it is none too", lines: "a=1; Path=/; Path=x", at: `${site}/z`, sent: undefined },
  { name: "in its own case", lines: "a=1; Path=/A", sent: undefined },
  { name: "percent signs are only characters", lines: "a=1; Path=/%7Ea", at: `${site}/~a`, sent: undefined },
  { name: "as the URL spells it", lines: "a=1; Path=/%C3%A9", at: `${site}/é`, sent: "a=1" },
  { name: "a space is spelt otherwise in URLs", lines: "a=1; Path=/b c", at: `${site}/b c`, sent: undefined },
  { name: "no other characters than ASCII", lines: `a=1; Path=/${bytes("é")}`, at: `${site}/é`, sent: undefined },
  { name: "and no way round that", lines: `a=1; Path=${bytes("/a/é")}`, sent: undefined },
  { name: "unless another comes after it", lines: `a=1; Path=/${bytes("é")}; Path=/a`, sent: "a=1" },
  { name: "dots stay", lines: "a=1; Path=/a/../b", at: `${site}/b`, sent: undefined }
])

all("order (RFC 6265bis 5.8.3, COS-05)", [
  {
    name: "longer paths first, then older ones",
    lines: ["a=1; Path=/", "b=2; Path=/a", "c=3; Path=/a/b", "d=4; Path=/", "e=5; Path=/a"],
    sent: "c=3; b=2; e=5; a=1; d=4"
  },
  {
    name: "over all domains",
    lines: ["a=1; Domain=shop.test", "b=2", "c=3; Domain=.shop.test"],
    sent: "a=1; b=2; c=3"
  },
  { name: "a new value keeps its place", lines: ["a=1", "b=2", "a=3; HttpOnly"], sent: "a=3; b=2" },
  { name: "after an end it has a new one", lines: ["a=1", "b=2", "a=; Max-Age=0", "a=3"], sent: "b=2; a=3" }
])

all("Secure", [
  { name: "not from http", lines: "a=1; Secure", sent: undefined },
  { name: "nor for http", from: `${secure}/`, lines: "a=1; Secure", at: `${site}/`, sent: undefined },
  { name: "from https, for https", from: `${secure}/`, lines: "a=1; secure", sent: "a=1" },
  {
    name: "for web sockets over TLS",
    from: `${secure}/`,
    lines: "a=1; Secure",
    at: "https://www.shop.test/",
    sent: "a=1"
  },
  { name: "to this machine", from: "http://localhost:8080/", lines: "a=1; Secure", sent: "a=1" },
  { name: "to an address of this machine", from: "http://127.0.0.1/", lines: "a=1; Secure", sent: "a=1" },
  { name: "without it, over both", from: `${secure}/`, lines: "a=1", at: `${site}/`, sent: "a=1" }
])

all("prefixes (RFC 6265bis 5.4)", [
  ...["__Secure-", "__SeCuRe-"].flatMap((prefix): ReadonlyArray<Case> => [
    { name: `${prefix} with Secure`, from: `${secure}/`, lines: `${prefix}a=1; Secure`, sent: `${prefix}a=1` },
    {
      name: `${prefix} with a domain`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; Domain=shop.test`,
      sent: `${prefix}a=1`
    },
    { name: `${prefix} without Secure`, from: `${secure}/`, lines: `${prefix}a=1`, sent: undefined },
    { name: `${prefix} from http`, lines: `${prefix}a=1; Secure`, sent: undefined }
  ]),
  ...["__Host-", "__hOST-"].flatMap((prefix): ReadonlyArray<Case> => [
    { name: `${prefix} with all`, from: `${secure}/a/`, lines: `${prefix}a=1; Secure; Path=/`, sent: `${prefix}a=1` },
    { name: `${prefix} without Secure`, from: `${secure}/a/`, lines: `${prefix}a=1; Path=/`, sent: undefined },
    { name: `${prefix} without Path`, from: `${secure}/`, lines: `${prefix}a=1; Secure`, sent: undefined },
    {
      name: `${prefix} with an empty Path`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; Path=/; Path`,
      sent: undefined
    },
    {
      name: `${prefix} with another Path`,
      from: `${secure}/a/`,
      lines: `${prefix}a=1; Secure; Path=/a`,
      sent: undefined
    },
    {
      name: `${prefix} with a domain`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; Path=/; Domain=www.shop.test`,
      sent: undefined
    },
    {
      name: `${prefix} with an empty domain`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; Path=/; Domain=`,
      sent: `${prefix}a=1`
    }
  ]),
  ...["__Http-", "__http-"].flatMap((prefix): ReadonlyArray<Case> => [
    {
      name: `${prefix} with both`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; HttpOnly; Domain=shop.test`,
      sent: `${prefix}a=1`
    },
    { name: `${prefix} without HttpOnly`, from: `${secure}/`, lines: `${prefix}a=1; Secure`, sent: undefined },
    { name: `${prefix} without Secure`, from: `${secure}/`, lines: `${prefix}a=1; HttpOnly`, sent: undefined }
  ]),
  ...["__Host-Http-", "__HOST-HTTP-"].flatMap((prefix): ReadonlyArray<Case> => [
    {
      name: `${prefix} with all`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; HttpOnly; Path=/`,
      sent: `${prefix}a=1`
    },
    { name: `${prefix} without HttpOnly`, from: `${secure}/`, lines: `${prefix}a=1; Secure; Path=/`, sent: undefined },
    { name: `${prefix} without Path`, from: `${secure}/`, lines: `${prefix}a=1; Secure; HttpOnly`, sent: undefined },
    {
      name: `${prefix} with a domain`,
      from: `${secure}/`,
      lines: `${prefix}a=1; Secure; HttpOnly; Path=/; Domain=shop.test`,
      sent: undefined
    }
  ]),
  ...["__Secure-", "__Host-", "__http-", "__Host-Http-", "__hOsT-"].map((prefix): Case => ({
    name: `a value that looks like ${prefix}`,
    from: `${secure}/`,
    lines: [`=${prefix}a=1; Secure; HttpOnly; Path=/`, `${prefix}a; Secure; HttpOnly; Path=/`],
    sent: undefined
  })),
  { name: "one underscore is no prefix", lines: "_Host-a=1", sent: "_Host-a=1" },
  { name: "a part of one is none", lines: "__Host=1", sent: "__Host=1" },
  { name: "nor in mid-name", lines: "a__Host-=1", sent: "a__Host-=1" }
])
