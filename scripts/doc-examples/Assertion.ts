/** Asserts equality for examples. Uses `Equal`, which compares data and `Equal` values by content. */

import { deepStrictEqual } from "node:assert"
import { Equal } from "effect"

export const assertEquals = (actual: unknown, expected: unknown): void => {
  if (!Equal.equals(actual, expected)) deepStrictEqual(actual, expected)
}
