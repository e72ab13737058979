import { generateKeyPairSync, hash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { replaceHeadlessKeys } from "../../../src/investigation/evidence/HeadlessKeys.ts"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"
import { mark } from "../../../src/investigation/evidence/SecretShapes.ts"

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const lines = privateKey.export({ type: "pkcs1", format: "pem" }).toString().trim().split("\n")
const body = lines.slice(1, -1)
const after = "panic: the key does not match the certificate"

const hex = (seed: number | string, length: number) => hash("sha256", `${seed}`).slice(0, length)
const identifier = (seed: number | string) => hash("sha512", `${seed}`, "base64url").slice(0, 20)
const isEnd = (line: string) => line.startsWith("-----END")

const pod = `"kubernetes":{"pod_name":"checkout-7d9f8c6b5-x2x9z","namespace_name":"shop","pod_id":"0f8fad5b-d9cb-469f-a165-70867728950e","labels":{"app":"checkout","pod-template-hash":"7d9f8c6b5"},"host":"ip-10-0-0-7.ec2.internal","docker_id":"${hex(5, 64)}","container_image":"registry.example.com/shop/checkout@sha256:${hex(6, 64)}"}`
const resource = `"resource":{"service.name":"checkout","service.version":"1.2.3","k8s.pod.name":"checkout-7d9f8c6b5-x2x9z","k8s.namespace.name":"shop","k8s.node.name":"ip-10-0-0-7.eu-west-1.compute.internal","telemetry.sdk.language":"java"}`
const request = (seed: number) =>
  `{"level":"info","msg":"GET /orders/${seed}","trace_id":"${hex(seed, 32)}","status":200,"path":"/api/v1/orders/and/some/more","ua":"curl/8"}`

const each = (of: (line: string, index: number) => string) => (all: ReadonlyArray<string>) => all.map(of).join("\n")

/** What is around the end is long, or is not quite what is around the lines of the key. */
const notations: ReadonlyArray<readonly [name: string, join: (all: ReadonlyArray<string>) => string]> = [
  ["fluent-bit, the line first", each((line) => `{"log":${JSON.stringify(`${line}\n`)},"stream":"stderr",${pod}}`)],
  ["fluent-bit, the line last", each((line) => `{${pod},"stream":"stderr","log":${JSON.stringify(`${line}\n`)}}`)],
  [
    "OpenTelemetry, the body first",
    each((line, index) => `{"body":"${line}","trace_id":"${hex(1, 32)}","span_id":"${hex(index, 16)}",${resource}}`)
  ],
  [
    "Elasticsearch, the identifier first",
    each((line, index) => `{"_id":"${identifier(index)}","_source":{"message":"${line}"}}`)
  ],
  ["a difference, the end in both versions", each((line) => (isEnd(line) ? `     ${line}` : `-    ${line}`))],
  ["grep with the lines before", each((line, index) => `${index}${isEnd(line) ? ":" : "-"}${line}`)],
  ["an excerpt that points to the end", each((line, index) => `${isEnd(line) ? ">" : " "} ${index} | ${line}`)],
  ["another level at the end", each((line) => (isEnd(line) ? `ERROR ${line}` : `INFO ${line}`))],
  [
    "traces of another thread between",
    (all) =>
      all
        .flatMap((line, index) => (index % 5 === 4 ? [line, ...[1, 2, 3].map((k) => request(index + k))] : [line]))
        .join("\n")
  ],
  ["line ends in octal", (all) => all.join("\\012")],
  ["line ends of mail", (all) => all.map((line) => line.replaceAll("=", "=3D")).join("=0A=\n")],
  ["carriage returns that a terminal shows", (all) => all.join("^M\n")],
  ["line ends without their backslash", (all) => all.join("n")],
  ["escaped by a template of HTML", (all) => all.join("\n").replaceAll("+", "&#43;").replaceAll("=", "&#61;")],
  ["a folded string", (all) => `    ${all.slice(0, -1).join(" ")}\n    ${all.at(-1)}`],
  ["two columns", each((line) => `${line}    ${line.split("").toReversed().join("")}`)]
]

/** What is before the excerpt. */
const heads = ["", "[truncated]\n", "... 1200 lines omitted ...\n", "# kubectl logs checkout\n"]

/** All parts of so many characters of the body. */
const partsOf = (length: number) =>
  body.flatMap((line) =>
    Array.from({ length: Math.max(0, line.length - length + 1) }, (_, at) => line.slice(at, at + length))
  )

describe("what is left of a key is removed, whatever is around its end", () => {
  const whole = partsOf(32)

  for (const [notation, join] of notations)
    for (const head of heads)
      it(`${notation}, behind ${JSON.stringify(head)}`, () => {
        for (let from = 1; from < lines.length - 3; from++) {
          const clean = redact(`${head}${join(lines.slice(from))}\n${after}`).replaceAll("&#43;", "+")
          assert.isFalse(
            whole.some((part) => clean.includes(part)),
            `from line ${from}: ${clean.slice(0, 1000)}`
          )
          assert.include(clean, after)
        }
      })

  it("the log of Elasticsearch has any identifiers", () => {
    for (let seed = 0; seed < 100; seed++) {
      const log = lines.slice(3).map((line, index) => `{"_id":"${identifier(`${seed}/${index}`)}","message":"${line}"}`)
      const clean = redact(log.join("\n"))
      assert.isFalse(
        body.some((line) => line.length > 20 && clean.includes(line)),
        clean
      )
    }
  })
})

describe("the rest of the first line is removed", () => {
  const key = [1, 2, 3].map((seed) => hash("sha384", `${seed}`, "base64"))
  const all = ["-----BEGIN PRIVATE KEY-----", ...key, "c2hvcnQgbGFzdCBsaW5lIQ==", "-----END PRIVATE KEY-----"]
  const parts = key.flatMap((line) => Array.from({ length: 45 }, (_, at) => line.slice(at, at + 20)))

  for (const head of heads)
    it.each(notations)(`behind ${JSON.stringify(head)}: %s`, (_notation, join) => {
      const text = join(all)
      for (let from = text.indexOf(key[0]!); from < text.indexOf(key[1]!.slice(0, 20)); from++) {
        const clean = replaceHeadlessKeys(`${head}${text.slice(from)}\n${after}`, mark).replaceAll("&#43;", "+")
        if (!clean.includes(after) || parts.some((part) => clean.includes(part)))
          assert.fail(`cut at ${from}: ${clean}`)
      }
    })
})

describe("rows of identifiers stay, although they are as wide as the lines of a key", () => {
  const end = "-----END PRIVATE KEY-----"
  const digests = Array.from({ length: 40 }, (_, seed) => hash("sha384", `${seed}`, "base64"))

  it.each<[name: string, of: (value: string) => string]>([
    ["another name in JSON", (value) => JSON.stringify({ msg: "GET", [value === end ? "agent" : "id"]: value })],
    ["another name", (value) => `level=info msg=GET ${value === end ? "agent" : "id"}=${value}`],
    ["another sentence", (value) => (value === end ? `ERROR no ${value} in tls.key` : `INFO request ${value} done`)]
  ])("%s", (_name, of) => {
    const text = [...digests, end, "panic"].map(of).join("\n")
    assert.strictEqual(replaceHeadlessKeys(text, mark), text)
  })

  it("one path is named again and again", () => {
    const text = [
      ...Array<string>(9).fill("/var/lib/Jenkins/workspace/Checkout/src/Main2"),
      "reading",
      "1",
      "2",
      "3",
      `x: ${end}`
    ]
    assert.strictEqual(replaceHeadlessKeys(text.join("\n"), mark), text.join("\n"))
  })
})

/** How many elements and characters are filtered and searched while the function runs. */
const workOf = (run: () => void): number => {
  let work = 0
  const counted: ReadonlyArray<readonly [prototype: object, name: string]> = [
    [Array.prototype, "filter"],
    [Array.prototype, "slice"],
    [Array.prototype, "findIndex"],
    [String.prototype, "matchAll"],
    [String.prototype, "replace"]
  ]
  const restore = counted.map(([prototype, name]) => {
    const original: (...values: ReadonlyArray<unknown>) => unknown = Reflect.get(prototype, name)
    Reflect.set(prototype, name, function (this: { readonly length: number }, ...values: ReadonlyArray<unknown>) {
      work += this.length
      return Reflect.apply(original, this, values)
    })
    return () => Reflect.set(prototype, name, original)
  })
  try {
    run()
  } finally {
    for (const each of restore) each()
  }
  return work
}

describe("the work of a log grows with its length, and not with the square of it", () => {
  const end = "-----END PRIVATE KEY-----"
  const key = hash("sha512", "1", "base64").slice(0, 64)
  const longKey = `${key}${hash("sha512", "2", "base64").slice(0, 64)}`

  it.each<[name: string, of: (length: number) => string]>([
    [
      "many lines without text behind a long line",
      (length) => `${"x y ".repeat(length / 8)} ${longKey}\n${"/ /\n".repeat(length / 8)}${end}`
    ],
    [
      "the same in a string",
      (length) => `${"x y ".repeat(length / 8)} ${longKey}\\n${"/ /\\n".repeat(length / 10)}${end}`
    ],
    [
      "many lines before a long line with the end",
      (length) => `${`${key}\\n`.repeat(length / 132)}${"x y ".repeat(length / 8)}${end}`
    ],
    [
      "many lines before an end with a long line behind it, which is the last one",
      (length) => `${`a ${key} b\n`.repeat(length / 136)}a ${end} ${"x y ".repeat(length / 8)}`
    ]
  ])("%s", (_name, of) => {
    const [short, long] = [16_000, 64_000].map((length) => {
      const text = of(length)
      return workOf(() => replaceHeadlessKeys(text, mark))
    })
    assert.isBelow(long! / short!, 6)
  })
})

it("a few lines without text between the lines of a key hide none of it, and many are as far as others", () => {
  const end = "-----END PRIVATE KEY-----"
  const key = [1, 2, 3].map((seed) => hash("sha384", `${seed}`, "base64"))
  const shown = (empty: number) => {
    const lines = ["starting", ...key, ...Array.from({ length: empty }, () => "--"), end]
    return replaceHeadlessKeys(lines.map((line) => (line === "--" ? line : `app: ${line}`)).join("\n"), mark)
  }
  for (const line of key) assert.notInclude(shown(12), line)
  for (const line of key) assert.include(shown(4000), line)
})
