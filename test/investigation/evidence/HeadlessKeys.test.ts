import { generateKeyPairSync, hash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { boundsOf } from "../../../src/investigation/evidence/EvidenceGatherer.ts"
import { endOf } from "../../../src/investigation/evidence/EvidenceOfObjects.ts"
import { replaceHeadlessKeys } from "../../../src/investigation/evidence/HeadlessKeys.ts"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"
import { mark } from "../../../src/investigation/evidence/SecretShapes.ts"
import { make as makePrompt } from "../../../src/investigation/models/Prompt.ts"
import { FindingCollector } from "../../../src/investigation/PartialFindings.ts"
import { evidence, request } from "../fixtures/Requests.ts"

const { privateKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" }) as string
const { privateKey: elliptic } = generateKeyPairSync("ec", { namedCurve: "P-384" })

const after = "panic: the key does not match the certificate"

/** Keys as their lines, which begin with BEGIN and end with END. */
const keys: ReadonlyArray<readonly [name: string, lines: ReadonlyArray<string>]> = [
  ["PKCS #1", pkcs1.trim().split("\n")],
  ["PKCS #8", rsa.export({ type: "pkcs8", format: "pem" }).toString().trim().split("\n")],
  ["SEC 1", elliptic.export({ type: "sec1", format: "pem" }).toString().trim().split("\n")],
  [
    "OpenSSH",
    [
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      ...(pkcs1.replaceAll(/-.*|\n/g, "").match(/.{1,70}/g) ?? []),
      "-----END OPENSSH PRIVATE KEY-----"
    ]
  ],
  [
    "PGP",
    [
      "-----BEGIN PGP PRIVATE KEY BLOCK-----",
      "",
      ...pkcs1.trim().split("\n").slice(1, -1),
      "=njUN",
      "-----END PGP PRIVATE KEY BLOCK-----"
    ]
  ]
]

const traceOf = (index: number) => hash("md5", `${index}`)

const jsonOf = (lines: ReadonlyArray<string>) =>
  lines.map((msg, index) => JSON.stringify({ time: 1764000000 + index / 7, msg, pod: "a-x2x9z" })).join("\n")

const notations: ReadonlyArray<readonly [name: string, join: (lines: ReadonlyArray<string>) => string]> = [
  ["lines", (lines) => lines.join("\n")],
  ["lines with carriage returns", (lines) => lines.join("\r\n")],
  ["lines behind a time", (lines) => lines.map((each) => `2026-11-24T03:00:00.000Z stderr F ${each}`).join("\n")],
  ["indented lines", (lines) => lines.map((each) => `    ${each}`).join("\n")],
  ["JSON lines", (lines) => lines.map((log) => JSON.stringify({ log: `${log}\n`, stream: "stdout" })).join("\n")],
  ["one JSON string", (lines) => JSON.stringify(lines.join("\n")).slice(1, -1)],
  ["JSON in JSON", (lines) => JSON.stringify(JSON.stringify(lines.join("\n"))).slice(3, -3)],
  ["JSON lines with a time and a name", jsonOf],
  ["JSON lines that escape slashes", (lines) => jsonOf(lines).replaceAll("/", "\\/")],
  ["an array of JSON", (lines) => JSON.stringify(lines)],
  ["an array of JSON in lines", (lines) => JSON.stringify(lines, null, 2)],
  ["the code of a program", (lines) => lines.map((each) => `    "${each}\\n"`).join(" +\n")],
  ["a difference", (lines) => lines.map((each) => `+  ${each}`).join("\n")],
  ["numbered lines", (lines) => lines.map((each, index) => `${index}:${each}`).join("\n")],
  ["coloured lines", (lines) => lines.map((each) => `\u001b[31m${each}\u001b[39m`).join("\n")],
  ["lines of HTML", (lines) => lines.join("<br>")],
  ["a URL", (lines) => encodeURIComponent(lines.join("\n"))],
  ["a form", (lines) => new URLSearchParams({ key: lines.join("\r\n") }).toString().slice(4)],
  ["lines of rsyslog", (lines) => lines.join("#012")],
  [
    "lines behind a thread and a trace",
    (lines) =>
      lines
        .map((each, index) => `03:00:00,${index} [exec-${index % 3}] ERROR trace=${traceOf(index)} - ${each}`)
        .join("\n")
  ],
  ["words of one line", (lines) => lines.join(" ")],
  [
    "lines between those of another thread",
    (lines) => lines.flatMap((each, index) => (index % 4 === 3 ? [each, "GET /healthz 200 1 ms"] : [each])).join("\n")
  ]
]

/** The parts of a key of which nobody may see one. The last line may be a checksum, or a few characters. */
const partsOf = (lines: ReadonlyArray<string>) => lines.slice(1, -1).filter((each) => each.length > 16)

const decoded = (text: string) => text.replace(/%[0-7][0-9A-F]/g, decodeURIComponent)

/** The first line, from this one on, whose end cannot be a word. One random end in 10 000 reads like one. */
const randomAt = (lines: ReadonlyArray<string>, from: number) =>
  lines.findIndex((line, index) => index >= from && /\d\D+\d/.test(line.slice(-20)))

describe("what is left of a private key without its first line", () => {
  for (const [key, lines] of keys)
    for (const [notation, join] of notations)
      it(`is removed: ${key}, ${notation}, wherever it is cut`, () => {
        for (let from = 1; from < lines.length - 1; from++) {
          const text = `${join(lines.slice(from))}\n${after}`
          const clean = redact(text)
          for (const part of partsOf(lines)) assert.notInclude(decoded(clean), part, `cut before line ${from}`)
          assert.include(clean, after)
          if (partsOf(lines.slice(from - 1)).length > 0) assert.include(clean, "[redacted:private-key]")
          assert.strictEqual(redact(clean), clean)
        }
      })

  it("is removed with the rest of the line in which it is cut", () => {
    const [, lines] = keys[0]!
    const cut = randomAt(lines, 3)
    for (const kept of [1, 20, 40]) {
      const first = lines[cut]!.slice(-kept)
      const clean = redact([first, ...lines.slice(cut + 1), after].join("\n"))
      assert.strictEqual(clean, `[redacted:private-key]\n${after}`)
    }
  })

  it.each(notations)("is removed wherever in a line it is cut: %s", (_notation, join) => {
    const key = [1, 2, 3].map((index) => hash("sha384", `${index}`, "base64"))
    const parts = key.flatMap((line) => Array.from({ length: 45 }, (_, index) => line.slice(index, index + 20)))
    const last = "c2hvcnQgbGFzdCBsaW5lIQ=="
    const whole = join(["-----BEGIN PRIVATE KEY-----", ...key, last, "-----END PRIVATE KEY-----"])
    for (let from = whole.indexOf("KEY-----"); from < whole.indexOf(last); from++) {
      const clean = replaceHeadlessKeys(`${whole.slice(from)}\n${after}`, mark)
      const shown = decoded(clean).replaceAll("\\/", "/")
      if (!shown.includes(after) || parts.some((part) => shown.includes(part))) assert.fail(`cut at ${from}: ${clean}`)
    }
  })

  it("is removed from a string of JSON that begins within it", () => {
    for (const [, lines] of keys)
      for (const lineBreak of ["\n", "\r\n", " "]) {
        const text = lines.slice(3).join(lineBreak)
        const clean = redact(JSON.stringify({ about: "kubectl logs", text: `${text}\n${after}`, pod: "p" }))
        assert.deepStrictEqual(JSON.parse(clean), {
          about: "kubectl logs",
          text: `[redacted:private-key]\n${after}`,
          pod: "p"
        })
      }
  })

  it("is removed when its end is missing too", () => {
    for (const [, lines] of keys.filter(([name]) => name !== "PGP" && name !== "SEC 1")) {
      const cut = randomAt(lines, 2)
      const clean = redact([lines[cut]!.slice(-20), ...lines.slice(cut + 1, cut + 6), after].join("\n"))
      assert.strictEqual(clean, `[redacted:base64]\n${after}`)
      assert.strictEqual(redact(clean), clean)
      assert.strictEqual(redact(lines.slice(3, 8).join("\n")), "[redacted:base64]")
    }
  })

  it("is removed when its end is missing too, whatever is left of a long first line", () => {
    const body = pkcs1.replaceAll(/-.*|\n/g, "").match(/.{76}/g) ?? []
    for (const kept of [61, 64, 70, 75, 76])
      assert.strictEqual(
        redact([body[0]!.slice(-kept), ...body.slice(1), after].join("\n")),
        `[redacted:base64]\n${after}`
      )
  })

  it("is removed when a paste has broken its lines again, with its end behind the last of its characters", () => {
    // In these two, what is before the end looks like what is within a line: digits, a slash, and digits.
    for (const seed of [12, 22]) {
      const body = Array.from({ length: 18 }, (_, index) => hash("sha512", `${seed}/${index}`, "base64").slice(0, 80))
      const last = hash("sha512", `${seed}`, "base64").slice(0, 24)
      const clean = redact([...body, `${last}-----END PRIVATE KEY-----`, after].join("\n"))
      assert.strictEqual(clean, `[redacted:private-key]\n${after}`)
    }
  })

  it("is removed when its last mark is cut", () => {
    for (const [, lines] of keys) {
      const text = lines.slice(3).join("\n")
      const timed = lines.slice(3).map((line) => `2026-11-24T03:00:00.000Z stderr F ${line}`)
      for (const whole of [text, timed.join("\n")])
        for (let to = whole.lastIndexOf("-----END ") + 9; to <= whole.length; to++) {
          const clean = redact(`${whole.slice(0, to)}\n`)
          for (const part of partsOf(lines)) assert.notInclude(clean, part, `cut at ${to}`)
        }
    }
  })

  it("is removed when its end is missing, and its first mark is cut", () => {
    for (const [, lines] of keys.filter(([name]) => name !== "PGP" && name !== "SEC 1"))
      for (const head of ["PRIVATE KEY-----", "IVATE KEY-----", "KEY-----", "Y-----", "-----"])
        assert.strictEqual(
          redact([head, ...lines.slice(1, 9), after].join("\n")),
          `${head}\n[redacted:base64]\n${after}`
        )
  })

  it("stays behind what is left of the mark of a certificate", () => {
    const body = Array.from({ length: 5 }, (_, index) => hash("sha384", `${index}`, "base64"))
    for (const head of ["CERTIFICATE-----", "ATE-----", "E-----", "PUBLIC KEY-----", "IC KEY-----"]) {
      const text = [head, ...body, after].join("\n")
      assert.strictEqual(redact(text), text)
    }
    const text = ["starting up", ...body, "-----END CERTIF"].join("\n")
    assert.strictEqual(redact(text), text)
  })

  it("takes no other line along", () => {
    const [, lines] = keys[0]!
    const noise = Array.from({ length: 12 }, (_, index) => `${index} GET /orders/17 200 in 12 ms, 3 rows from shop`)
    const clean = redact([...noise, ...lines.slice(5), after].join("\n"))
    assert.strictEqual(clean, [...noise, "[redacted:private-key]", after].join("\n"))
  })

  it("is found beside whole keys", () => {
    const [, lines] = keys[0]!
    const text = [...lines.slice(5), "next:", ...lines, "last:", ...lines.slice(0, 5)].join("\n")
    const mark = "[redacted:private-key]"
    assert.strictEqual(redact(text), [mark, "next:", mark, "last:", mark].join("\n"))
  })
})

describe("a whole private key in a value of a URL", () => {
  const encodings: ReadonlyArray<readonly [name: string, of: (text: string) => string]> = [
    ["a URL", encodeURIComponent],
    ["a form", (text) => new URLSearchParams({ key: text }).toString().slice(4)],
    ["a URL in a URL", (text) => encodeURIComponent(encodeURIComponent(text))]
  ]
  for (const [key, lines] of keys)
    it.each(encodings)(`is removed, and nothing behind it: ${key} in %s`, (_name, encode) => {
      const whole = encode(lines.join("\n"))
      const cut = encode(lines.slice(0, 3).join("\n"))
      for (const value of [whole, cut]) {
        const line = (data: string) => `10.0.0.7 "GET /import?data=${data}&format=pem HTTP/1.1" 414 0\n${after}`
        assert.strictEqual(redact(line(value)).replace("%0A&", "&"), line("[redacted:private-key]"))
      }
    })

  it("stays if it is public", () => {
    const text = `GET /import?data=${encodeURIComponent("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----")}`
    assert.strictEqual(redact(text), text)
  })
})

describe("text without a key stays as it is", () => {
  it.each([
    ["the file does not end with -----END RSA PRIVATE KEY-----"],
    ["error: missing '-----END PRIVATE KEY-----' in tls.key, line 28"],
    ["starting\nsha256:0d1f5c0b8e3a4d5f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b\nready"],
    ["0d1f5c0b8e3a4d5f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b  checkout.tar\nready"]
  ])("%j", (text) => {
    assert.strictEqual(redact(text), text)
  })
})

it("the tail of a log that begins in a key goes to a model without it", () => {
  const log = `starting\nloaded configuration:\n${pkcs1}${after}\n`
  for (const level of [0, 1] as const) {
    const { logCharacters, logLines } = boundsOf[level]
    for (const filler of [5, 10, 20]) {
      const lines = `${log}${"goroutine 17 [running]: main.main()\n".repeat(logLines - filler)}`.split("\n")
      // As the kubelet cuts it by lines, then as the gatherer does by characters.
      const text = endOf(lines.slice(-(logLines + 1)).join("\n"), logCharacters)
      const { question } = makePrompt(
        request({
          evidence: evidence({
            logs: [{ pod: "p", revision: 2, current: true, container: "c", previous: true, text }]
          })
        })
      )
      for (const part of partsOf(pkcs1.trim().split("\n"))) assert.notInclude(question, part)
      assert.include(question, "goroutine 17")
    }
  }
})

it("a finding of HolmesGPT that begins in a key is kept without it", () => {
  const collector = new FindingCollector("holmesgpt")
  const lines = pkcs1.trim().split("\n")
  collector.add({ source: "tool", about: "kubectl logs", text: [...lines.slice(9), after].join("\n") })
  assert.strictEqual(collector.found?.findings[0]?.text, `[redacted:private-key]\n${after}`)
})
