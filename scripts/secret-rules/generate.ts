/**
 * Converts the rules of gitleaks (`config/gitleaks.toml`, MIT licence) to
 * `src/investigation/evidence/scannerRules.json`.
 *
 *     node scripts/secret-rules/generate.ts path/to/gitleaks
 *
 * Gitleaks writes its patterns for Go's RE2. These things differ in JavaScript:
 *
 * - `(?i)` in the middle of a pattern holds until the end of its group. It becomes a group of its own, `(?i:…)`.
 * - Many patterns end in a character that must follow the secret: a quote, a space, a semicolon or the end. Log lines
 *   also have commas and brackets there, so the pattern only requires that no letter or digit follows.
 * - RE2 never backtracks. Rules with unbounded gaps take quadratic time in JavaScript, so they are left out. Many
 *   patterns begin with up to fifty characters before the name of a vendor; they are not part of the secret, so they
 *   are dropped.
 */

import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "smol-toml"

interface GitleaksRule {
  readonly id: string
  readonly regex?: string
  readonly keywords?: ReadonlyArray<string>
  readonly entropy?: number
  readonly secretGroup?: number
}

/** Rules that `Redaction` covers by patterns of its own, which find more and take linear time. */
const covered: ReadonlySet<string> = new Set([
  "curl-auth-header",
  "curl-auth-user",
  "generic-api-key",
  "kubernetes-secret-yaml",
  "private-key"
])

/** The index of the bracket that closes the group around `from`, or the end of the pattern. */
const endOfGroup = (pattern: string, from: number): number => {
  let depth = 0
  let inClass = false
  for (let index = from; index < pattern.length; index++) {
    const character = pattern[index]
    if (character === "\\") index++
    else if (inClass) inClass = character !== "]"
    else if (character === "[") inClass = true
    else if (character === "(") depth++
    else if (character === ")" && depth-- === 0) return index
  }
  return pattern.length
}

/** Splits at each `|` that is not within a group or a class. */
const alternatives = (pattern: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let start = 0
  let depth = 0
  let inClass = false
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]
    if (character === "\\") index++
    else if (inClass) inClass = character !== "]"
    else if (character === "[") inClass = true
    else if (character === "(") depth++
    else if (character === ")") depth--
    else if (character === "|" && depth === 0) {
      found.push(pattern.slice(start, index))
      start = index + 1
    }
  }
  return [...found, pattern.slice(start)]
}

const scopeFlags = (pattern: string): string => {
  const at = pattern.lastIndexOf("(?i)")
  if (at === -1) return pattern
  const from = at + "(?i)".length
  const end = endOfGroup(pattern, from)
  const scoped = alternatives(pattern.slice(from, end)).map((part) => `(?i:${part})`)
  return scopeFlags(pattern.slice(0, at) + scoped.join("|") + pattern.slice(end))
}

const toJavaScript = (pattern: string): string =>
  scopeFlags(pattern)
    .replaceAll(String.raw`(?:[\x60'"\s;]|\\[nr]|$)`, "(?![A-Za-z0-9])")
    .replaceAll(String.raw`\z`, "$")
    .replaceAll("(?P<", "(?<")
    .replaceAll("[[:alnum:]]", "[A-Za-z0-9]")
    .replaceAll(String.raw`[\w.-]{0,50}?`, "")
    .replaceAll(".{8,}", ".{8,200}")

const [source] = process.argv.slice(2)
if (source === undefined) throw new Error("Expected the path of a checkout of gitleaks")
const { rules } = parse(readFileSync(join(source, "config/gitleaks.toml"), "utf8")) as unknown as {
  readonly rules: ReadonlyArray<GitleaksRule>
}
const converted = rules.flatMap(({ entropy, id, keywords, regex, secretGroup }) => {
  if (regex === undefined || keywords === undefined || covered.has(id)) return []
  const pattern = toJavaScript(regex)
  // Fails here rather than at start when the pattern uses syntax that JavaScript does not have.
  const groups = (new RegExp(`${pattern}|`).exec("")?.length ?? 1) - 1
  return [
    {
      id,
      keywords: keywords.map((keyword) => keyword.toLowerCase()),
      pattern,
      group: groups === 0 ? 0 : (secretGroup ?? 1),
      ...(entropy === undefined ? {} : { entropy })
    }
  ]
})
const license = readFileSync(join(source, "LICENSE"), "utf8").trim()
const target = new URL("../../src/investigation/evidence/scannerRules.json", import.meta.url)
writeFileSync(
  target,
  `${JSON.stringify({ source: "gitleaks, config/gitleaks.toml", license, rules: converted }, null, 2)}\n`
)
process.stdout.write(`${converted.length} of ${rules.length} rules\n`)
