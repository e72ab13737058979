/** Whether an object contains what a manifest says. */

import * as Quantity from "../domain/Quantity.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const isNamed = (value: unknown): value is Readonly<Record<"name", string>> =>
  isRecord(value) && typeof value["name"] === "string"

/** Admission puts its containers, variables and volumes before others, so what has a name is found by it. */
const containsItem = (actual: ReadonlyArray<unknown>, item: unknown, index: number): boolean =>
  isNamed(item)
    ? actual.some((each) => isNamed(each) && each.name === item.name && contains(each, item))
    : contains(actual[index], item)

/**
 * Whether `actual` contains everything in `written`. It may contain more: the server fills in defaults, and admission
 * adds fields and items. A quantity may return in another form (`1024Mi` as `1Gi`).
 */
export const contains = (actual: unknown, written: unknown): boolean => {
  if (written === actual) return true
  if (Array.isArray(written)) {
    return (
      Array.isArray(actual)
      && written.length <= actual.length
      && written.every((item, index) => containsItem(actual, item, index))
    )
  }
  if (isRecord(written))
    return isRecord(actual) && Object.keys(written).every((key) => contains(actual[key], written[key]))
  if (written === null) return actual === undefined
  if (typeof written !== "string" || typeof actual !== "string") return false
  const quantity = Quantity.parse(written)
  return quantity !== undefined && quantity === Quantity.parse(actual)
}
