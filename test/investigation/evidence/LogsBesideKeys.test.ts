import { createHash, generateKeyPairSync } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { replaceHeadlessKeys } from "../../../src/investigation/evidence/HeadlessKeys.ts"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"
import { mark } from "../../../src/investigation/evidence/SecretShapes.ts"

/** Without the other rules of redaction: one of them finds `Pw==` in a digest. */
const clean = (text: string) => replaceHeadlessKeys(text, mark)

const end = "-----END PRIVATE KEY-----"

const digest = (algorithm: string, seed: number | string, encoding: "hex" | "base64") =>
  createHash(algorithm).update(`${seed}`).digest(encoding)

const numbers = Array.from({ length: 40 }, (_, index) => index)

/** Identifiers as logs have them, of 32, 40 and 64 hex digits, and of 24, 28, 44 and 64 characters of base64. */
const identifiers: ReadonlyArray<readonly [name: string, of: (seed: number) => string]> = [
  ["MD5", (seed) => digest("md5", seed, "hex")],
  ["SHA-1", (seed) => digest("sha1", seed, "hex")],
  ["SHA-256", (seed) => digest("sha256", seed, "hex")],
  ["SHA-256 in capitals", (seed) => digest("sha256", seed, "hex").toUpperCase()],
  ["base64 of MD5", (seed) => digest("md5", seed, "base64")],
  ["base64 of SHA-1", (seed) => digest("sha1", seed, "base64")],
  ["base64 of SHA-256", (seed) => digest("sha256", seed, "base64")],
  ["base64 of SHA-384", (seed) => digest("sha384", seed, "base64")]
]

const time = (seed: number) => `2026-11-24T03:00:${String(seed % 60).padStart(2, "0")}.${seed}Z`

/** Logs in each line of which is an identifier. */
const lines: ReadonlyArray<readonly [name: string, of: (identifier: string, seed: number) => string]> = [
  ["at the end of a line", (id, seed) => `${time(seed)} INFO request ${id}`],
  ["behind a name", (id, seed) => `${time(seed)} level=info id=${id} status=200`],
  ["in JSON", (id, seed) => JSON.stringify({ time: time(seed), msg: "GET /orders", id, status: 200 })],
  ["in an access log", (id, seed) => `10.0.0.${seed} - - "GET /orders/${seed}" 200 ${id} "curl/8.5.0"`]
]

/** Lines that name the end of a key, without one before it. */
const markers: ReadonlyArray<readonly [name: string, line: string]> = [
  ["a user agent", `10.0.0.7 - - "GET /orders/7" 200 - "${end}"`],
  ["a field of JSON", JSON.stringify({ time: time(7), msg: "GET /orders", agent: end })],
  ["a sentence", `${time(7)} ERROR tls.key does not end with ${end}`],
  ["a message of a parser", `${time(7)} ERROR expected ${end} at line 28`],
  ["a line of its own", end]
]

describe("a log keeps its lines when one of them names the end of a key", () => {
  for (const [name, identifierOf] of identifiers)
    for (const [place, lineOf] of lines)
      it.each(markers)(`${name} ${place}, and %s`, (_marker, marker) => {
        const log = numbers.map((seed) => lineOf(identifierOf(seed), seed))
        for (const text of [
          [...log, marker].join("\n"),
          [...log, marker, ...log].join("\n"),
          [marker, ...log, marker].join("\n"),
          [...log, marker].join("\r\n"),
          JSON.stringify([...log, marker].join("\n"))
        ])
          assert.strictEqual(clean(text), text)
      })

  it.each(identifiers.filter(([name]) => !name.startsWith("base64")))(
    "although each line is nothing but %s",
    (_name, identifierOf) => {
      const text = [...numbers.map(identifierOf), end, "panic"].join("\n")
      assert.strictEqual(clean(text), text)
    }
  )
})

describe("a word before the end of a key stays", () => {
  it.each([
    ["InvalidKeySpecException"],
    ["java.security.spec.InvalidKeySpecException"],
    ["NoSuchAlgorithmException"],
    ["X509CertificateException"],
    ["Base64DecodingException"],
    ["javax/net/ssl/SSLHandshakeException"],
    ["CrashLoopBackOff"],
    ["UnrecoverableKeyException"]
  ])("%s", (word) => {
    for (const between of [" ", ": ", "\n", "\r\n", "\\n", ' "', ": missing ", "\n\tat sun.security.Key.read\n"])
      for (const before of ["", "Caused by: ", "starting\n", "2026-11-24T03:00:00.000Z ERROR "]) {
        const text = `${before}${word}${between}${end}`
        assert.strictEqual(clean(text), text)
      }
  })

  it("with a stack trace", () => {
    const text = [
      'Exception in thread "main" java.security.spec.InvalidKeySpecException: java.security.InvalidKeyException',
      "\tat java.base/sun.security.rsa.RSAKeyFactory.engineGeneratePrivate(RSAKeyFactory.java:251)",
      `Caused by: java.security.spec.InvalidKeySpecException ${end} is missing`,
      "\t... 3 more"
    ].join("\n")
    assert.strictEqual(clean(text), text)
  })

  it("although a whole key is before it", () => {
    const { privateKey } = generateKeyPairSync("ed25519")
    const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string
    const log = `InvalidKeySpecException ${end}`
    assert.strictEqual(redact(`${key}${log}`), `[redacted:private-key]\n${log}`)
  })
})

describe("a text without any end of a key", () => {
  const hex = (seed: number) => digest("sha256", seed, "hex")

  it.each([
    [`starting\n${hex(1)}\n${hex(2)}\npanic`],
    [`${hex(1)}\n${hex(2)}\npanic`],
    [`${hex(1)}\r\n${hex(2)}\r\n`],
    [`${hex(1).toUpperCase()}\n${hex(2).toUpperCase()}`],
    [`${"=".repeat(64)}\n${"a".repeat(64)}\n${"A".repeat(64)}\nready`],
    ["starting\nready\npanic"]
  ])("stays as it is: %j", (text) => {
    assert.strictEqual(clean(text), text)
  })

  it("keeps the words before and behind lines of base64", () => {
    const key = [1, 2, 3].map((seed) => digest("sha384", seed, "base64"))
    for (const [first, last] of [
      ["starting", "panic"],
      ["OK", "Ready"],
      ["InvalidKeySpecException", "InvalidKeySpecException"],
      ["12", "17"],
      ["deadbeef", "7f9c"]
    ])
      assert.strictEqual(clean([first, ...key, last].join("\n")), `${first}\n[redacted:base64]\n${last}`)
  })
})

describe("what may be a line of a key, and is alone", () => {
  const token = digest("sha256", 1, "base64").slice(0, 40)

  it("takes no line of the log along", () => {
    const text = `${token}\npanic: cannot read tls.key\n${end}\nexit status 2`
    assert.strictEqual(
      clean(text),
      "[redacted:private-key]\npanic: cannot read tls.key\n[redacted:private-key]\nexit status 2"
    )
  })

  it("stays when another key is between it and a second end", () => {
    const key = [1, 2, 3].map((seed) => digest("sha384", seed, "base64"))
    const once = clean(["starting", token, "reading tls.key", ...key, end, end, "panic"].join("\n"))
    assert.strictEqual(once, `starting\n${token}\nreading tls.key\n[redacted:private-key]\n${end}\npanic`)
    assert.strictEqual(clean(once), once)
  })

  it("stays where the end of the key is in another place of its line", () => {
    const text = `2026-11-24T03:00:00Z INFO session ${token}\n2026-11-24T03:00:01Z INFO agent ${end}`
    assert.strictEqual(clean(text), text)
  })
})

const word = Schema.Literals([
  ..."starting ready panic: GET /orders/17 200 12ms TLS handshake error from 10.0.0.7:443 NullPointerException".split(
    " "
  ),
  "sun.security.ssl.Alert(Alert.java:131)",
  "checkout-7d9f8c6b5-x2x9z",
  "0f8fad5b-d9cb-469f-a165-70867728950e",
  "user=bob",
  "{}",
  '"quoted"'
])
const identifier = Arbitrary.map(
  Arbitrary.schema(
    Schema.Literals(identifiers.flatMap(([, of], kind) => numbers.map((seed) => `${kind} ${of(seed)}`)))
  ),
  (text) => text.replace(/^\d+ /, "id=")
)
const line = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(Schema.Literals(["", ...numbers.slice(0, 5).map((seed) => `${time(seed)} stderr F `)])),
    Arbitrary.array(Arbitrary.schema(word), { minLength: 1, maxLength: 6 }),
    Arbitrary.array(identifier, { maxLength: 2 })
  ]),
  ([before, words, ids]) => before + [...words, ...ids].join(" ")
)

it.effect.prop(
  "an ordinary log is the same afterwards, whether or not lines of it name the end of a key",
  [Arbitrary.array(line, { maxLength: 12 }), Schema.Literals(["\n", "\r\n", "\\n"]), Arbitrary.array(line)],
  ([before, lineBreak, behind]) =>
    Effect.sync(() => {
      for (const marker of [[], [`"agent": "${end}"`], [`tls.key does not end with ${end}`], [end]]) {
        const text = [...before, ...marker, ...behind, ...marker].join(lineBreak)
        assert.strictEqual(clean(text), text)
      }
    })
)

it("texts of 400 000 characters are read in a time that does not grow with the square of their length", () => {
  const key = digest("sha384", 1, "base64")
  for (const part of [
    "a",
    "aB3",
    "\n",
    "\\n",
    "\\/",
    "aB3 ",
    "Exception",
    "= ",
    "=abcd",
    `${key.slice(1)}x-`,
    "1 ",
    "&#1",
    "\u001b["
  ]) {
    const text = `starting: ${part.repeat(400_000 / part.length)}`
    for (const behind of ["!", `! ${end}`, `!\n${"1 ".repeat(140)}${end}`, `!${end}`.repeat(1000)])
      assert.isTrue(clean(text + behind) === text + behind, JSON.stringify(part + behind.slice(0, 40)))
  }
  for (const part of [`${key}\n`, `${key} `, key, `${key}","`]) {
    const text = part.repeat(400_000 / part.length)
    assert.isTrue(clean(text + end).startsWith("[redacted:private-key]"), part)
  }
  for (const part of [`x ${end}`, `${end}\n`, `1 1 1 ${end} 1 1 1\n`]) {
    const text = part.repeat(400_000 / part.length)
    assert.isTrue(clean(text) === text, part)
  }
})
