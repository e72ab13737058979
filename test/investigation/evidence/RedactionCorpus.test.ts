import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { redact } from "../../../src/investigation/evidence/Redaction.ts"

const linesOf = (name: string): ReadonlyArray<string> =>
  readFileSync(new URL(`./corpus/${name}`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# ") && line !== "#")
    .map((line) => line.replaceAll("\\n", "\n"))

const alphabets: Readonly<Record<string, string>> = {
  a: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
  u: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
  l: "abcdefghijklmnopqrstuvwxyz0123456789",
  h: "0123456789abcdef",
  d: "0123456789",
  b: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
}

/** A generator of the same texts in every run. */
const makeRandom = (seed: number) => {
  let state = seed
  return (alphabet: string, length: number): string =>
    Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return alphabet[(state >>> 8) % alphabet.length]
    }).join("")
}

const fill = (template: string, seed: number) => {
  const random = makeRandom(seed)
  const secrets: Array<string> = []
  const text = template.replace(/\{([auhldb]):(\d+)\}/g, (_all, kind: string, length: string) => {
    const secret = random(alphabets[kind] ?? "", Number(length))
    secrets.push(secret)
    return secret
  })
  return { text, secrets }
}

/** Whether any eight characters in a row of the secret are left, or the whole of a shorter one. */
const survives = (clean: string, secret: string): boolean =>
  Array.from({ length: Math.max(1, secret.length - 7) }, (_, index) => secret.slice(index, index + 8)).some((part) =>
    clean.includes(part)
  )

const positives = linesOf("secrets.txt")
const negatives = linesOf("harmless.txt")

describe(`Redaction of ${positives.length} texts with secrets and ${negatives.length} without`, () => {
  it("the corpus has at least 150 texts of each", () => {
    assert.isAtLeast(positives.length, 150)
    assert.isAtLeast(negatives.length, 150)
  })

  it("no part of any secret survives, whichever characters it has", () => {
    const missed = positives.flatMap((template) =>
      [1, 2, 3, 4, 5].flatMap((seed) => {
        const { secrets, text } = fill(template, seed)
        const clean = redact(text)
        return secrets.some((secret) => survives(clean, secret)) ? [`${text}  =>  ${clean}`] : []
      })
    )
    assert.deepStrictEqual(missed, [])
  })

  it("no text without a secret changes", () => {
    const changed = negatives.flatMap((text) => (redact(text) === text ? [] : [`${text}  =>  ${redact(text)}`]))
    assert.deepStrictEqual(changed, [])
  })

  it("redacting twice gives the same text as redacting once", () => {
    const unstable = positives.flatMap((template) => {
      const once = redact(fill(template, 7).text)
      return redact(once) === once ? [] : [`${once}  =>  ${redact(once)}`]
    })
    assert.deepStrictEqual(unstable, [])
  })
})
