/** Numbers that Kubernetes also accepts as a percentage, as in `maxSurge` and `minAvailable`. */

/** The count that a number or a percentage of `total` stands for, as in `maxSurge` and `minAvailable`. */
export const countOrPercent = (
  value: number | string | undefined,
  total: number,
  round: (value: number) => number
): number => {
  if (value === undefined) return 0
  if (typeof value === "number") return value
  return value.endsWith("%") ? round((Number(value.slice(0, -1)) * total) / 100) : Number(value)
}
