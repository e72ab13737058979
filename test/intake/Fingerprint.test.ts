import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { fingerprintOf } from "../../src/intake/Fingerprint.ts"

describe("fingerprintOf", () => {
  it.each([
    // From the tests of Prometheus.
    { labels: { name: "garland, briggs", fear: "love is not enough" }, fingerprint: 5799056148416392346n.toString(16) },
    // Without labels, the hash is its offset basis.
    { labels: {}, fingerprint: "cbf29ce484222325" },
    { labels: { alertname: "Watchdog", severity: "none" }, fingerprint: "448881ef475b9b26" }
  ])("computes the same fingerprint as Prometheus for $labels", ({ fingerprint, labels }) => {
    assert.strictEqual(fingerprintOf(labels), fingerprint)
  })

  it("always has 16 digits", () => {
    // Some of these fingerprints start with zeros.
    const labels = Array.from({ length: 300 }, (_, index) => ({ n: String(index) }))
    assert.isTrue(labels.every((label) => /^[0-9a-f]{16}$/.test(fingerprintOf(label))))
    assert.isTrue(labels.some((label) => fingerprintOf(label).startsWith("0")))
  })

  it("sorts names by bytes, as Go does, and not by UTF-16 code units", () => {
    // U+FFFD sorts after U+1F600 in UTF-16 and before it in UTF-8.
    const one = fingerprintOf({ "\u{1F600}": "a", "\uFFFD": "b" })
    assert.strictEqual(one, fingerprintOf({ "\uFFFD": "b", "\u{1F600}": "a" }))
    assert.strictEqual(one, "08e170c14e9c18e6")
  })

  it.prop(
    "does not depend on the order of the labels",
    [Schema.Array(Schema.Tuple([Schema.String, Schema.String]))],
    ([pairs]) => {
      const labels = Object.fromEntries(pairs)
      assert.strictEqual(fingerprintOf(labels), fingerprintOf(Object.fromEntries(Object.entries(labels).toReversed())))
    }
  )

  it("distinguishes labels that differ only in the boundary between name and value", () => {
    assert.notStrictEqual(fingerprintOf({ ab: "c" }), fingerprintOf({ a: "bc" }))
  })
})
