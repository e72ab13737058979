/** Equality as a reader of an example expects it: Effect's own, which compares data and `Equal` values by content. */

import { deepStrictEqual } from "node:assert"
import { Equal } from "effect"

export const assertEquals = (actual: unknown, expected: unknown): void => {
  if (!Equal.equals(actual, expected)) deepStrictEqual(actual, expected)
}
