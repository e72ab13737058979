import { generateKeyPairSync, hash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { replaceHeadlessKeys } from "../../../src/investigation/evidence/HeadlessKeys.ts"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"
import { mark } from "../../../src/investigation/evidence/SecretShapes.ts"

const clean = (text: string) => replaceHeadlessKeys(text, mark)

const end = "-----END PRIVATE KEY-----"
const replaced = "[redacted:private-key]"

const time = (seed: number) => `2026-11-24T03:00:${String(seed % 60).padStart(2, "0")}Z`
const digest = (seed: number, length: number) =>
  `${hash("sha512", `${seed}`, "base64").slice(0, 80)}${hash("sha512", `-${seed}`, "base64").slice(0, 80)}`.slice(
    0,
    length
  )
const word = (seed: number, length: number) => digest(seed, 160).replace(/[+/]/g, "").slice(0, length)
const token = (seed: number) =>
  Buffer.from(`{"v":"meta.k8s.io/v1","rv":${184_412_345 + seed},"start":"checkout-7d9f8c6b5-${word(seed, 30)}"}`)
    .toString("base64url")
    .replace(/[-_]/g, "a")

/** Lines of a log with runs that look like a key, which the second function writes. */
type Kind = readonly [name: string, of: (seed: number, run: (text: string) => string) => string]

const kinds: ReadonlyArray<Kind> = [
  [
    "tokens of the Kubernetes API",
    (seed, run) =>
      `I1124 03:00:0${seed % 10}.1 1 trip.go:553] GET /api/v1/pods?limit=500&continue=${run(token(seed))} 200`
  ],
  ["scroll identifiers", (seed, run) => `${time(seed)} DEBUG {"scroll":"1m","scroll_id":"${run(digest(seed, 120))}"}`],
  ["requests of SAML", (seed, run) => `10.0.0.${seed} "GET /sso?SAMLRequest=${run(word(seed, 120))} HTTP/1.1" 302`],
  ["public keys of SSH", (seed, run) => `ssh-rsa ${run(`AAAAB3NzaC1yc2E${word(seed, 120)}`)} user${seed}@host`],
  ["sessions", (seed, run) => `${time(seed)} INFO session ${run(word(seed, 64))}`],
  ["checksums", (seed, run) => `${time(seed)} INFO checksum: ${run(word(seed, 64))}`],
  [
    "three chunks in a row",
    (seed, run) =>
      `${time(seed)} INFO moved ${run([0, 1, 2].map((each) => word(seed + each * 100, 32)).join(", "))} to disk`
  ]
]

const sentences = [
  `${time(3)} ERROR missing ${end}`,
  `${time(3)} ERROR tls: /etc/tls/tls.key: no "${end}" found`,
  `E1124 03:00:00.100000 1 tls.go:9] /etc/tls/tls.key: no "${end}" found`,
  `panic: missing ${end}`
]

describe("a sentence about a key takes at most identifiers out of the log before it", () => {
  for (const [name, of] of kinds)
    for (const every of [1, 3, 5, 7])
      it.each(sentences)(`${name} in each line of ${every}, before %s`, (sentence) => {
        const logOf = (run: (text: string) => string) => [
          ...Array.from({ length: 60 }, (_, seed) =>
            seed % every === 0 ? of(seed, run) : `${time(seed)} ERROR db: postgres-${seed} refused, attempt ${seed}`
          ),
          `${time(2)} FATAL out of memory: the fault's own message`,
          `${time(2)} FATAL OutOfMemoryError`
        ]
        const text = clean([...logOf((run) => run), sentence, "exit status 1"].join("\n")).split("\n")
        const allowed = logOf(() => replaced)
        const before = logOf((run) => run)
        assert.strictEqual(text.length, before.length + 2)
        for (const [index, line] of before.entries()) assert.include([line, allowed[index]], text[index])
        assert.include([sentence, sentence.replace(end, replaced)], text.at(-2))
        assert.strictEqual(text.at(-1), "exit status 1")
      })
})

it("records of many lines keep their identifiers when another field of one of them names the end of a key", () => {
  const recordOf = (fields: object, seed: number) =>
    JSON.stringify({ time: time(seed), level: "info", logger: "shop", pod: "checkout", ...fields, node: "a" }, null, 2)
  const log = [
    ...Array.from({ length: 40 }, (_, seed) => recordOf({ session: word(seed, 64) }, seed)),
    recordOf({ error: `missing ${end}` }, 40),
    "exit status 1"
  ].join("\n")
  assert.strictEqual(clean(log), log)
})

describe("what has an end of its own in PEM is no key", () => {
  const body = [1, 2, 3, 4, 5].map((seed) => digest(seed, 64))
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const pub = publicKey.export({ type: "spki", format: "pem" }) as string
  const certificate = ["-----BEGIN CERTIFICATE-----", ...body, "MIID", "-----END CERTIFICATE-----"].join("\n")

  for (const sentence of [...sentences, end])
    it.each([
      ["a certificate", certificate],
      ["two certificates", `${certificate}\n${certificate}`],
      ["the tail of a certificate", certificate.slice(100)],
      ["a public key", pub.trim()],
      ["a certificate behind times", certificate.replaceAll(/^/gm, `${time(7)} `)],
      ["a certificate in JSON", JSON.stringify({ certificate })]
    ])(`%s, before ${sentence}`, (_name, text) => {
      const log = `starting\n${text}\n${sentence}\nexit status 1`
      assert.strictEqual(clean(log), log)
    })

  it("but the tail of a key behind it is one", () => {
    const lines = privateKey.export({ type: "pkcs8", format: "pem" }).toString().trim().split("\n").slice(3)
    assert.strictEqual(redact([certificate, ...lines, "panic"].join("\n")), `${certificate}\n${replaced}\npanic`)
  })
})

describe("no line of a key stays, although an identifier around its end is not like those around its lines", () => {
  const pem = {
    Ed25519: generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }),
    "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
    RSA: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" })
  }
  const isEnd = (line: string) => line.startsWith("-----END")
  const base36 = (seed: string, length: number) =>
    BigInt(`0x${hash("sha256", seed)}`)
      .toString(36)
      .slice(3, 3 + length)
  const at = (index: number) => `2026-11-24 03:00:00.${100 + index}`
  const hex = (seed: number, length: number) => hash("sha256", `${seed}`).slice(0, length)
  const base64 = (seed: string, bytes: number) =>
    Buffer.from(hash("sha256", seed).slice(0, 2 * bytes), "hex").toString("base64")

  /** Some of the identifiers have a digit, and some have none. */
  const notations: Record<string, (line: string, index: number, seed: number) => string> = {
    "requests of eight characters": (line, index, seed) =>
      `${at(index)} [${base36(`${seed}/${index}`, 8)}] ERROR ${line}`,
    "requests of six characters": (line, index, seed) =>
      `${at(index)} [${base36(`${seed}/${index}`, 6)}] ERROR ${line}`,
    "the end in another thread": (line, index) => `${at(index)} [${isEnd(line) ? "main" : "worker-1"}] ERROR ${line}`,
    "the end in a pool": (line, index) => `${at(index)} [${isEnd(line) ? "exec-3" : "main"}] ERROR ${line}`,
    "Google Cloud": (line, index, seed) =>
      `{"insertId":"${base36(`${seed}/${index}`, 14)}","textPayload":"${line}","severity":"ERROR"}`,
    "OpenTelemetry in JSON": (line, index, seed) =>
      JSON.stringify({ traceId: base64(`${seed}/${index}`, 16), spanId: base64(`${seed}/${-index}`, 8), body: line }),
    "OpenTelemetry in JSON, the body first": (line, index, seed) =>
      JSON.stringify({ body: line, traceId: base64(`${seed}/${index}`, 16), spanId: base64(`${seed}/${-index}`, 8) }),
    "a request in base64 behind the line": (line, index, seed) =>
      `${at(index)} INFO ${line} req=${base64(`${seed}/${index}`, 16)}`,
    "records of the OpenTelemetry collector": (line, index) =>
      `LogRecord #${index}\nObservedTimestamp: ${at(index)} +0000 UTC\nTimestamp: ${at(index)} +0000 UTC\nSeverityText: \nSeverityNumber: Unspecified(0)\nBody: Str(${line})\nAttributes:\n     -> log.file.path: Str(/var/log/pods/shop_checkout-7d9f8c6b5-x2x9z_${hex(1, 32)}/app/0.log)\n     -> log.iostream: Str(stderr)\n     -> logtag: Str(F)\n     -> time: Str(${at(index)})\nTrace ID: \nSpan ID: \nFlags: 0`,
    "JSON in many lines": (line, index) =>
      JSON.stringify(
        {
          time: at(index),
          log: line,
          stream: "stderr",
          kubernetes: { pod: "checkout-7d9f8c6b5-x2x9z", container: "app", id: hex(5, 64), hash: hex(6, 64) },
          labels: ["shop", "checkout", "eu-west-1", "ip-10-0-0-7.ec2.internal"]
        },
        null,
        2
      ),
    "entries of the journal": (line, index) =>
      `Tue ${at(index)} UTC [s=${hex(1, 32)};i=${hex(index, 3)};b=${hex(2, 32)};m=${hex(index, 8)}]\n    PRIORITY=3\n    _HOSTNAME=node-a\n    _PID=17\n    MESSAGE=${line}`
  }

  for (const [key, text] of Object.entries({ ...pem, PGP: pem.RSA }))
    it.each(Object.entries(notations))(`${key}: %s`, (_name, of) => {
      const whole = text.toString().trim().split("\n")
      const lines = key === "PGP" ? [...whole.slice(0, -1), "=njUN", "-----END PGP PRIVATE KEY BLOCK-----"] : whole
      const body = lines.slice(1, -1).filter((line) => line.length >= 20)
      for (let seed = 0; seed < 40; seed++) {
        const log = [...lines.slice(1), "panic: the key does not match"].map((line, index) => of(line, index, seed))
        const shown = redact(log.join("\n"))
        for (const line of body) assert.notInclude(shown, line)
        assert.include(shown, "panic: the key does not match")
        assert.strictEqual(redact(shown), shown)
      }
    })
})

describe("no piece of a key stays where its lines were broken behind something else", () => {
  const lines = ["-----BEGIN PRIVATE KEY-----", ...Array.from({ length: 25 }, (_, seed) => digest(seed, 64)), end]
  const after = "panic: the key does not match"

  const assertHidden = (text: string, from: number) => {
    const shown = clean(`${text}\n${after}`)
    const seen = shown.replaceAll("\\n", "")
    const body = lines.slice(from, -1).join("")
    for (let at = 0; at + 16 <= body.length; at += 16) assert.notInclude(seen, body.slice(at, at + 16), shown)
    assert.include(shown, after)
  }

  const heads: ReadonlyArray<readonly [name: string, of: (index: number) => string]> = [
    ["containerd", (index) => `${time(index)} stderr F `],
    ["syslog", (index) => `Nov 24 03:00:00 host app[${index}]: `]
  ]
  for (const [name, head] of heads) {
    it.each([120, 200, 256, 512, 1024])(`${name}, which breaks a string of JSON into parts of %i`, (width) => {
      const text = JSON.stringify(lines.slice(1).join("\n")).slice(1)
      const body = text.slice(0, text.indexOf("-----END"))
      const parts = body.match(new RegExp(`.{1,${width}}`, "g")) ?? []
      assertHidden(parts.map((part, index) => head(index) + part).join("\n") + text.slice(body.length), 1)
    })

    it(`${name}, with a line of another thread in the middle of every fourth one`, () => {
      const parts = lines
        .slice(3)
        .flatMap((line, index) =>
          index % 4 === 1 ? [line.slice(0, 31), "java.lang.OutOfMemoryError: heap", line.slice(31)] : [line]
        )
      const text = parts.map((part, index) => head(index) + part).join("\n")
      assertHidden(text, 3)
      assert.include(clean(text), "java.lang.OutOfMemoryError: heap")
    })
  }
})

it("a log of 400 000 characters is read in a time that does not grow with the square of its length", () => {
  for (const before of ["[".repeat(120), "- ".repeat(60), '{"a":1,'.repeat(25)]) {
    const line = `${before}${digest(1, 64)}\n`
    const text = `${line.repeat(400_000 / line.length)}${before}${end}`
    assert.notInclude(clean(text), digest(1, 64))
  }
})
