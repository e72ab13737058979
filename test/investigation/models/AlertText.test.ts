import { assert, describe, it } from "@effect/vitest"
import type { Alert } from "../../../src/domain/Alert.ts"
import { alertLimits } from "../../../src/intake/AlertmanagerWebhook.ts"
import { alertText, beginning, evenShare, otherAlerts } from "../../../src/investigation/models/AlertText.ts"
import { alert } from "../fixtures/Requests.ts"

const large = 120_000

const texts = (count: number, text: (index: number) => string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`text-${index}`, text(index)]))

/** As long as intake accepts one. */
const longest = alert({
  labels: texts(alertLimits.labels, () => "w ".repeat(512)),
  annotations: texts(alertLimits.annotations, (index) => `${index} ${"words ".repeat(1500)}`.slice(0, 8192))
})

const shown = (given: Alert, tokens = large) => alertText(given, tokens) as Alert & { readonly omitted?: number }

describe("the even share of a room", () => {
  it("is all of it where everything fits, and otherwise what the longer ones have in common", () => {
    assert.isAtLeast(evenShare([10, 20], 30), 20)
    assert.strictEqual(evenShare([10, 20], 28), 18)
    assert.strictEqual(evenShare([100, 5, 100], 105), 50)
    assert.strictEqual(evenShare([10, 10], 0), 0)
  })
})

describe("the beginning of a text", () => {
  it("has no part of a word", () => {
    assert.strictEqual(beginning("one two", 7), "one two")
    assert.strictEqual(beginning("one two", 6), "one ")
    assert.strictEqual(beginning("one two", 4), "one ")
    assert.strictEqual(beginning("onetwo", 5), "")
  })
})

describe("an alert in a prompt", () => {
  it("is as it is, with a stack trace of intake's full length", () => {
    const given = alert({ annotations: { summary: "It is down.", trace: "at x.y(Z.java:1)\n".repeat(480) } })
    const { annotations, labels, omitted } = shown(given)
    assert.deepStrictEqual(annotations, given.annotations)
    assert.deepStrictEqual(labels, given.labels)
    assert.isUndefined(omitted)
  })

  it("that is too long keeps its short texts whole, and the beginnings of the long ones", () => {
    const { annotations, labels } = shown({
      ...longest,
      labels: { namespace: "shop", ...longest.labels },
      annotations: { summary: "It is down.", ...longest.annotations }
    })
    assert.strictEqual(labels["namespace"], "shop")
    assert.strictEqual(annotations["summary"], "It is down.")
    assert.match(annotations["text-7"] ?? "", /^7 words .*…$/)
  })

  it("has no more than a quarter of the window, and says how many texts are left out", () => {
    assert.isAtMost(JSON.stringify(shown(longest)).length, 25_000)
    const small = shown(longest, 4096)
    assert.isAtMost(JSON.stringify(small).length, 5000)
    assert.strictEqual(
      Object.keys(small.labels).length + Object.keys(small.annotations).length + (small.omitted ?? 0),
      alertLimits.labels + alertLimits.annotations
    )
  })

  it("shows nothing of a secret that is cut, wherever that begins", () => {
    const token = `ghp_${"aB3dE6gH9j".repeat(4)}`
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${"MIIEpAIBAAKCAQEAx9Zq\n".repeat(200)}-----END RSA PRIVATE KEY-----`
    const jwt = `eyJhbGciOiJSUzI1NiJ9.${"eyJzdWIiOiJhZG1pbiJ9".repeat(60)}.${"c2lnbmF0dXJl".repeat(30)}`
    for (const secret of [token, key, jwt])
      for (let before = 0; before < 1200; before += 37) {
        const text = `${"w ".repeat(before / 2)}${secret} ${"w ".repeat(4000)}`
        const { annotations } = shown({ ...alert(), annotations: texts(30, () => text) })
        const found = JSON.stringify(annotations)
        for (const part of ["ghp_a", "MIIEp", "eyJhbG", "eyJzdW", "c2lnbm"]) assert.notInclude(found, part)
      }
  })

  it("takes secrets out by the name of a label, also of a long one", () => {
    const { labels } = shown(alert({ labels: { api_token: "x1 ".repeat(9000), ...longest.labels } }))
    assert.notInclude(labels["api_token"], "x1")
  })

  it("has no characters that JSON makes six of", () => {
    const { annotations } = shown(alert({ annotations: { a: "one\u0001two\nthree\u0000" } }))
    assert.strictEqual(annotations["a"], "one two\nthree ")
  })
})

describe("the other alerts on a target", () => {
  const textOf = (alerts: ReadonlyArray<Alert>, tokens = large) => {
    const { listed, more } = otherAlerts(alerts, tokens)
    return { all: listed.map((each) => JSON.stringify(each())), more }
  }

  it("are all there, up to twenty, and how many more there are", () => {
    const { all, more } = textOf(Array.from({ length: 23 }, (_, index) => alert({ name: `Related${index}` })))
    assert.deepStrictEqual([all.length, more], [20, 3])
    assert.include(all[19], "CrashLoopBackOff")
  })

  it("are shortened evenly, so that one that is long takes nothing from the others", () => {
    const { all } = textOf([longest, ...Array.from({ length: 19 }, () => alert())])
    assert.include(all[19], "CrashLoopBackOff")
    assert.isAtMost(all[0]?.length ?? 0, 7000)
  })

  it("have a bounded length however long they are, and fewer are listed in a small window", () => {
    assert.isAtMost(textOf(Array.from({ length: 20 }, () => longest)).all.join("").length, 65_000)
    const { all, more } = textOf(
      Array.from({ length: 20 }, () => longest),
      4096
    )
    assert.isAtMost(all.join("").length, 6000)
    assert.strictEqual(all.length + more, 20)
    assert.isAbove(all.length, 0)
  })
})
