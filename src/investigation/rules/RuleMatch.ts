/** Whether a rule matches a request. Pure. */

import type { InvestigationRequest } from "../Investigator.ts"
import type { Fact, Rule } from "./Rulebook.ts"

/** Whether a text matches a pattern in which `*` stands for any run of characters. Case matters. */
export const matchesPattern = (pattern: string, text: string): boolean => {
  const parts = pattern.split("*")
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  if (parts.length === 1) return pattern === text
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from)
    if (at < 0 || at + part.length > text.length - last.length) return false
    from = at + part.length
  }
  return true
}

const matchesAny = (patterns: ReadonlyArray<string> | undefined, text: string): boolean =>
  patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, text))

/** Whether everything in the rule's `match` holds. */
export const matches = ({ match }: Rule, { alert, target }: InvestigationRequest, facts: ReadonlySet<Fact>): boolean =>
  matchesAny(match.alerts, alert.name)
  && (match.severities === undefined || match.severities.includes(alert.severity))
  && matchesAny(match.namespaces, target.namespace)
  && matchesAny(match.kinds, target.kind)
  && Object.entries(match.labels ?? {}).every(([name, pattern]) => matchesPattern(pattern, alert.labels[name] ?? ""))
  && (match.facts ?? []).every((fact) => facts.has(fact))
