/**
 * Keeps the number of a label's values bounded, whatever names arrive: each value is a series that Prometheus and this
 * process hold forever.
 */

/** Stands for all values beyond the bound. */
export const otherValue = "other"

/**
 * Returns a function that keeps the values of `known` and the first `further` others that it sees, and replaces the
 * rest by `otherValue`. Default 50.
 */
export const make = (known: ReadonlyArray<string> = [], further = 50): ((value: string) => string) => {
  const kept = new Set(known)
  const most = kept.size + further
  return (value) => {
    if (kept.has(value)) return value
    if (kept.size >= most) return otherValue
    kept.add(value)
    return value
  }
}
