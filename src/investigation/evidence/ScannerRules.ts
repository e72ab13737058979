/**
 * The rules of gitleaks, a secret scanner: the shapes of the tokens of two hundred vendors, as data.
 *
 * `scannerRules.json` holds them with their licence; `scripts/secret-rules/generate.ts` converts a newer version. A
 * rule runs only on text that contains one of its keywords, so text without any costs one pass.
 */

import scanner from "./scannerRules.json" with { type: "json" }

interface ScannerRule {
  readonly id: string
  readonly keywords: ReadonlyArray<string>
  readonly pattern: RegExp
  /** The group that holds the secret; 0 for the whole match. */
  readonly group: number
  /** Shannon entropy in bits per character at or below which a match is not a secret, such as `sk_test_xxxxxxxx`. */
  readonly entropy: number
}

const rules: ReadonlyArray<ScannerRule> = scanner.rules.map(({ entropy = 0, group, id, keywords, pattern }) => ({
  id,
  keywords,
  pattern: new RegExp(pattern, "dg"),
  group,
  entropy
}))

/** Shannon entropy in bits per character. */
const entropyOf = (text: string): number => {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let entropy = 0
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length)
  return entropy
}

/** Replaces the secrets that one rule finds. */
const apply = (text: string, rule: ScannerRule, mark: (kind: string) => string): string => {
  let clean = ""
  let kept = 0
  for (const match of text.matchAll(rule.pattern)) {
    const span = match.indices?.[rule.group]
    const secret = match[rule.group] ?? ""
    if (span === undefined || secret.includes("[redacted:") || entropyOf(secret) <= rule.entropy) continue
    clean += text.slice(kept, span[0]) + mark(rule.id)
    kept = span[1]
  }
  return kept === 0 ? text : clean + text.slice(kept)
}

/** Replaces every secret that a rule finds by `mark` of the rule's id. */
export const replaceScanned = (text: string, mark: (kind: string) => string): string => {
  const lower = text.toLowerCase()
  let clean = text
  for (const rule of rules)
    if (rule.keywords.some((keyword) => lower.includes(keyword))) clean = apply(clean, rule, mark)
  return clean
}
