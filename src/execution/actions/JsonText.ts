/** JSON values as texts that are equal where `sameJson` says that the values are, so that a set can hold them. */

export const textOfJson = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? ""
  if (Array.isArray(value)) return `[${value.map(textOfJson).join(",")}]`
  const fields = Object.entries(value).filter(([, each]) => each !== undefined)
  const sorted = fields.length > 1 ? fields.toSorted(([one], [other]) => (one < other ? -1 : 1)) : fields
  return `{${sorted.map(([name, each]) => `${JSON.stringify(name)}:${textOfJson(each)}`).join(",")}}`
}
