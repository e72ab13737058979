/**
 * Kubernetes quantities, such as `256Mi`, `500m`, `1.5Gi` and `2e9`, by the whole grammar of `resource.Quantity` in
 * Kubernetes' apimachinery and with exact arithmetic.
 *
 * A quantity is a decimal number with an optional sign and one optional suffix:
 *
 * | suffix                        | means          |
 * | ----------------------------- | -------------- |
 * | `n` `u` `m`                   | 10⁻⁹ 10⁻⁶ 10⁻³ |
 * | `k` `M` `G` `T` `P` `E`       | 10³ to 10¹⁸    |
 * | `Ki` `Mi` `Gi` `Ti` `Pi` `Ei` | 2¹⁰ to 2⁶⁰     |
 * | `e` or `E` and an integer     | a power of ten |
 *
 * The number may begin or end with its point (`.5`, `1.`). `E` alone is the suffix 10¹⁸; `E` with an integer is an
 * exponent.
 *
 * An amount is a `bigint` of billionths of the base unit, because Kubernetes keeps nothing smaller: it rounds smaller
 * parts away from zero, and so does `parse`. Every comparison of two amounts is exact.
 *
 * **Gotchas**
 *
 * Two differences from apimachinery make `parse` stricter: a sign or a point without any digit is not a quantity, and
 * neither is an exponent beyond ±999, which no cluster has.
 */

/** An amount in billionths of the base unit: of a byte, or of a core. */
export type Amount = bigint

/** One whole base unit. */
export const unit: Amount = 1_000_000_000n

const number = String.raw`(?:\d+(?:\.\d*)?|\.\d+)`
const suffix = String.raw`(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?0*\d{1,3})?`

/** A quantity that is not negative. */
export const unsignedPattern = new RegExp(String.raw`^\+?${number}${suffix}$`)

const parts = new RegExp(String.raw`^([+-]?)(\d*)(?:\.(\d*))?(${suffix})$`)

const powersOfTen: Readonly<Record<string, number>> = {
  "": 0,
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18
}
const powersOfTwo: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }

/** The largest amount with a binary suffix: apimachinery caps it at 2⁶³ − 1 units. */
const binaryCap: Amount = (2n ** 63n - 1n) * unit

/** No quantity of a real cluster is longer. The bound keeps the arithmetic cheap. */
const maximumLength = 200

const divideUp = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor

const magnitude = (digits: bigint, decimals: number, ending: string): Amount => {
  const shift = powersOfTwo[ending]
  if (shift !== undefined) {
    const amount = divideUp((digits * unit) << shift, 10n ** BigInt(decimals))
    return amount > binaryCap ? binaryCap : amount
  }
  const exponent = (powersOfTen[ending] ?? Number(ending.slice(1))) - decimals + 9
  return exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideUp(digits, 10n ** BigInt(-exponent))
}

/**
 * The amount of a quantity; `undefined` for a value that is not a quantity. A JSON number is read as its decimal text,
 * as the API server reads it.
 */
export const parse = (quantity: unknown): Amount | undefined => {
  if (typeof quantity !== "string" && typeof quantity !== "number") return undefined
  const text = String(quantity)
  const match = text.length > maximumLength ? null : parts.exec(text)
  if (match === null) return undefined
  const [, sign, whole = "", fraction = "", ending = ""] = match
  if (whole === "" && fraction === "") return undefined
  const amount = magnitude(BigInt(whole + fraction), fraction.length, ending)
  return sign === "-" ? -amount : amount
}

/** An amount times a factor. The factor counts to a millionth. */
export const times = (amount: Amount, factor: number): Amount =>
  (amount * BigInt(Math.round(factor * 1_000_000))) / 1_000_000n

/** The shortest quantity without rounding for people: with a binary suffix where one fits, otherwise a decimal one. */
export const format = (amount: Amount): string => {
  if (amount < 0n) return `-${format(-amount)}`
  if (amount === 0n) return "0"
  if (amount % unit !== 0n) {
    const [ending, size] =
      amount % 1_000_000n === 0n ? ["m", 1_000_000n] : amount % 1000n === 0n ? ["u", 1000n] : ["n", 1n]
    return `${amount / (size as bigint)}${ending}`
  }
  const units = amount / unit
  const binary = Object.entries(powersOfTwo).findLast(([, shift]) => units % (1n << shift) === 0n)
  return binary === undefined ? String(units) : `${units >> binary[1]}${binary[0]}`
}
