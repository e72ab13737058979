/**
 * Removes secrets from text before it leaves the process: to a model, the journal or a log.
 *
 * **Details**
 *
 * Four kinds of secrets are each replaced by `[redacted:<kind>]`, so that a reader or a model still sees that something
 * was there:
 *
 * - shapes that are secret in any context: private keys, JSON web tokens, cloud and forge access keys, `Bearer …` and
 *   `Basic …`;
 * - the password of a URL (`postgres://user:password@host`);
 * - any value after a secret name (`password=…`, `"api_key": "…"`, `DB_PASSWORD: …`, `--token …`);
 * - in `redactLabels`, the value of a label with a secret name.
 *
 * When in doubt, the text is removed: a value after a secret name never survives. `redact(redact(x))` is `redact(x)`.
 *
 * **Gotchas**
 *
 * A secret without a secret name or a known shape (a bare random string in a log line) is not found. A redactor that
 * finds those also removes every image digest and pod hash. Do not log secrets.
 */

const mark = (kind: string): string => `[redacted:${kind}]`

// Secret names end in one of these words, alone or after `_`, `-`, `.` or a change of case: DB_PASSWORD, api-key,
// clientSecret.
const secretWord =
  "(?:pass(?:word|wd|phrase|code)?|pwd|secrets?|token|api[_.-]?keys?|access[_.-]?keys?|private[_.-]?keys?|secret[_.-]?(?:access[_.-]?)?keys?|client[_.-]?secret|auth(?:orization)?|credentials?|cookie|session[_.-]?(?:id|key)|signature|dsn|connection[_.-]?string|conn[_.-]?str)"
// The part of a name before that word. The bound keeps matching linear in the length of the text.
const namePrefix = "[A-Za-z0-9_.-]{0,100}?"

const secretName = new RegExp(`^[A-Za-z0-9_.-]*${secretWord}$`, "i")

/** Whether the value of this name is a secret. `tokens` and `max_tokens` are counts, so they are not. */
export const isSecretName = (name: string): boolean => secretName.test(name)

// A look-behind keeps a pattern from restarting inside a run that it has already tried, which would take quadratic time.
const shapes: ReadonlyArray<readonly [RegExp, string]> = [
  // A key that a line limit truncated has no END.
  [
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g,
    mark("private-key")
  ],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g, mark("jwt")],
  [/\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{12,}/g, mark("aws-key")],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})/g, mark("forge-token")],
  [/\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}/g, mark("api-key")],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g, mark("slack-token")],
  [/\bAIza[0-9A-Za-z_-]{30,}/g, mark("api-key")],
  [/\b(Bearer|Basic|Digest|Negotiate)[ \t]+(?!\[redacted:)[A-Za-z0-9+/._~=-]{6,}/gi, `$1 ${mark("credentials")}`],
  [
    /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@"'`]*):(?!\[redacted:)[^\s/?#"'`]+(?=@)/gi,
    `$1:${mark("password")}`
  ]
]

// name = value, name: value, "name": "value", --name value. Quoted values end at their quote, others at white space or
// a separator.
const assignment = new RegExp(
  `((?:--?)?["'\`]?(?<![A-Za-z0-9])${namePrefix}${secretWord}\\\\?["'\`]?)(\\s*(?:=>?|:)\\s*|(?<=--[A-Za-z0-9_.-]{1,120})[ \\t]+)`
    + `(?!\\[redacted:)(?:\\\\?"(?:[^"\\\\]|\\\\.)*\\\\?"?|'(?:[^'\\\\]|\\\\.)*'?|\`[^\`]*\`?|(?:Bearer|Basic)[ \\t]+[^\\s,;]+|[^\\s,;&"'\`}\\])]+)`,
  "gi"
)

// Environment entries as Kubernetes prints them: - name: DB_PASSWORD\n  value: hunter2, or
// {"name":"DB_PASSWORD","value":"hunter2"}.
const environmentEntry = new RegExp(
  `(\\\\?["']?name\\\\?["']?\\s*:\\s*\\\\?["']?${namePrefix}${secretWord}\\\\?["']?\\s*,?\\s*\\\\?["']?value\\\\?["']?\\s*:\\s*)`
    + `(?!\\[redacted:)(?:\\\\?"(?:[^"\\\\]|\\\\.)*\\\\?"?|'[^']*'?|[^\\s,}\\]]+)`,
  "gi"
)

/**
 * Returns the text without its secrets.
 *
 * ```ts
 * import { Redaction } from "kubernaut"
 *
 * Redaction.redact("postgres://app:hunter2@db/shop") // => "postgres://app:[redacted:password]@db/shop"
 * ```
 */
export const redact = (text: string): string => {
  let clean = text
  for (const [shape, replacement] of shapes) clean = clean.replace(shape, replacement)
  clean = clean.replace(environmentEntry, `$1${mark("value")}`)
  return clean.replace(assignment, `$1$2${mark("value")}`)
}

/** Returns labels or annotations without their secrets, found by name and by the text of the value. */
export const redactLabels = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, isSecretName(name) ? mark("value") : redact(value)])
  )
