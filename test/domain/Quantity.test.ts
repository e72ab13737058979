import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Quantity as UnsignedQuantity } from "../../src/domain/Action.ts"
import * as Quantity from "../../src/domain/Quantity.ts"

/** What `resource.ParseQuantity` of apimachinery v0.36.3 reads, in billionths; `null` where it refuses the text. */
const apimachinery: ReadonlyArray<readonly [text: string, billionths: string | null]> = [
  ["0", "0"],
  ["1", "1000000000"],
  ["+1", "1000000000"],
  ["-1", "-1000000000"],
  ["00012", "12000000000"],
  ["0.5", "500000000"],
  [".5", "500000000"],
  ["1.", "1000000000"],
  ["-.5", "-500000000"],
  ["+0.25Gi", "268435456000000000"],
  ["1.5Gi", "1610612736000000000"],
  ["1Ki", "1024000000000"],
  ["1.5Ki", "1536000000000"],
  ["0.1Ki", "102400000000"],
  ["100m", "100000000"],
  ["1m", "1000000"],
  ["0.1m", "100000"],
  ["1u", "1000"],
  ["1n", "1"],
  ["0.1n", "1"],
  ["0.0001n", "1"],
  ["1500n", "1500"],
  ["2e9", "2000000000000000000"],
  ["2E9", "2000000000000000000"],
  ["2e+9", "2000000000000000000"],
  ["2e-3", "2000000"],
  ["1e-9", "1"],
  ["1e-12", "1"],
  ["123e-10", "13"],
  ["12E", "12000000000000000000000000000"],
  ["12Ei", "9223372036854775807000000000"],
  ["1E", "1000000000000000000000000000"],
  ["1E5", "100000000000000"],
  ["1e0", "1000000000"],
  ["1e01", "10000000000"],
  ["0.5e1", "5000000000"],
  ["5k", "5000000000000"],
  ["5M", "5000000000000000"],
  ["5G", "5000000000000000000"],
  ["5T", "5000000000000000000000"],
  ["5P", "5000000000000000000000000"],
  ["1Mi", "1048576000000000"],
  ["1Ti", "1099511627776000000000"],
  ["1Pi", "1125899906842624000000000"],
  ["1Ei", "1152921504606846976000000000"],
  ["7Ei", "8070450532247928832000000000"],
  ["8Ei", "9223372036854775807000000000"],
  ["9Ei", "9223372036854775807000000000"],
  ["8388608Ti", "9223372036854775807000000000"],
  ["0.000001Ki", "1024000"],
  ["999999999999", "999999999999000000000"],
  ["9223372036854775807", "9223372036854775807000000000"],
  ["9223372036854775808", "9223372036854775808000000000"],
  ["123456789.123456789", "123456789123456789"],
  ["123456789.1234567891", "123456789123456790"],
  ["1.000000001Gi", "1073741825073741824"],
  ["0.000000001", "1"],
  ["0.0000000001", "1"],
  ["256Mi", "268435456000000000"],
  ["0Gi", "0"],
  ["0.0", "0"],
  ["000.000", "0"],
  ["", null],
  ["abc", null],
  ["1 ", null],
  [" 1", null],
  ["1K", null],
  ["1ki", null],
  ["1mi", null],
  ["1Mib", null],
  ["1MI", null],
  ["1g", null],
  ["1t", null],
  ["1p", null],
  ["1e", null],
  ["1e+", null],
  ["1e1.5", null],
  ["1.2.3", null],
  ["1,5", null],
  ["0x10", null],
  ["--1", null],
  ["+-1", null],
  ["1--", null],
  ["1i", null],
  ["1KiB", null],
  ["1Mi2", null],
  ["1m5", null],
  ["Infinity", null],
  ["NaN", null],
  ["1e5k", null],
  ["1E5Ki", null]
]

const suffixes: Readonly<Record<string, readonly [numerator: bigint, denominator: bigint]>> = {
  "": [1n, 1n],
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  k: [1000n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
  e3: [1000n, 1n],
  "E+2": [100n, 1n],
  "e-4": [1n, 10n ** 4n]
}

describe("a quantity", () => {
  it("is read as apimachinery reads it, and refused where apimachinery refuses it", () => {
    for (const [text, billionths] of apimachinery)
      assert.strictEqual(Quantity.parse(text)?.toString() ?? null, billionths, JSON.stringify(text))
  })

  it("without a digit, or with an exponent that no cluster has, is no quantity", () => {
    for (const text of ["+", "-", ".", "+.", "1e1000", "1e99999999999", "9".repeat(300), null, undefined, {}, 1n])
      assert.isUndefined(Quantity.parse(text))
  })

  it("that is a JSON number means its decimal text", () => {
    assert.strictEqual(Quantity.parse(1), Quantity.unit)
    assert.strictEqual(Quantity.parse(0.1), 100_000_000n)
    assert.strictEqual(Quantity.parse(1e21), 10n ** 30n)
    assert.isUndefined(Quantity.parse(Number.NaN))
    assert.isUndefined(Quantity.parse(Number.POSITIVE_INFINITY))
  })

  const units = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000_000_000 }))
  const decimals = Schema.String.check(Schema.isPattern(/^[0-9]{0,12}$/))

  it.prop(
    "of any number and suffix is exact, and rounds up beyond a billionth",
    [units, decimals, Schema.Literals(Object.keys(suffixes))],
    ([whole, fraction, ending]) => {
      const [numerator, denominator] = suffixes[ending]!
      const dividend = BigInt(`${whole}${fraction}`) * numerator * 10n ** 9n
      const divisor = denominator * 10n ** BigInt(fraction.length)
      const exact = (dividend + divisor - 1n) / divisor
      const most = (2n ** 63n - 1n) * 10n ** 9n
      assert.strictEqual(
        Quantity.parse(`${whole}.${fraction}${ending}`),
        ending.endsWith("i") && exact > most ? most : exact
      )
      assert.strictEqual(
        Quantity.parse(`-${whole}.${fraction}${ending}`),
        -(ending.endsWith("i") && exact > most ? most : exact)
      )
    }
  )

  it.prop(
    "that is formatted and read again is the same",
    [Schema.Int, units, Schema.Boolean],
    ([left, right, whole]) => {
      const amount = BigInt(left) * BigInt(right) * (whole ? Quantity.unit : 1n)
      const text = Quantity.format(amount)
      // A binary suffix has a cap, which a real amount never reaches.
      if (!text.endsWith("i") || amount < 2n ** 63n) assert.strictEqual(Quantity.parse(text), amount)
    }
  )

  it("is formatted with the largest suffix that loses nothing", () => {
    for (const [amount, text] of [
      ["1.5Gi", "1536Mi"],
      ["268435456", "256Mi"],
      ["0.1", "100m"],
      ["2e9", "1953125Ki"],
      ["1.5u", "1500n"],
      ["-2Gi", "-2Gi"],
      ["3", "3"]
    ] as const)
      assert.strictEqual(Quantity.format(Quantity.parse(amount)!), text)
  })

  it("in an action may have every form but a negative one", () => {
    const accepts = Schema.is(UnsignedQuantity)
    for (const [text, billionths] of apimachinery)
      assert.strictEqual(accepts(text), billionths !== null && !text.startsWith("-"), JSON.stringify(text))
  })
})
