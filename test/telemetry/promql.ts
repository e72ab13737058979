/** Which metrics and labels a PromQL expression names. */

/** A metric with the labels that its selector names. */
export interface Selected {
  readonly metric: string
  readonly labels: ReadonlyArray<string>
}

const keywords = new Set([
  "and",
  "or",
  "unless",
  "on",
  "ignoring",
  "by",
  "without",
  "offset",
  "bool",
  "group_left",
  "group_right"
])

const withoutStrings = (expr: string): string => expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')

/** The labels of `by (…)` and `on (…)`. */
export const groupedBy = (expr: string): ReadonlyArray<string> =>
  [...expr.matchAll(/\b(?:by|on|without)\s*\(([^)]*)\)/g)].flatMap(([, labels = ""]) =>
    labels
      .split(",")
      .map((label) => label.trim())
      .filter((label) => label !== "")
  )

/** Every metric that the expression reads. */
export const selected = (expr: string): ReadonlyArray<Selected> => {
  const bare = withoutStrings(expr).replaceAll(/\b(?:by|on|without)\s*\([^)]*\)/g, "")
  return [...bare.matchAll(/(?<![\w:])([a-zA-Z_:][\w:]*)(?![\w:])(?:\s*\{([^}]*)\}|(?!\s*[({]))/g)].flatMap(
    ([, metric = "", matchers = ""]) =>
      keywords.has(metric) || /^\d*[smhdwy]$/.test(metric)
        ? []
        : [
            {
              metric,
              labels: [...matchers.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label)
            }
          ]
  )
}
