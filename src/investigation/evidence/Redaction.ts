/**
 * Takes secrets out of text before it leaves the process: to a model, into the journal, into a log.
 *
 * **Details**
 *
 * Four kinds of things are taken out, each replaced by `[redacted:<kind>]` so that a reader (or a model) still sees
 * that something was there:
 *
 * - shapes that are secret wherever they stand: private keys, JSON web tokens, cloud and forge access keys, `Bearer …`
 *   and `Basic …`;
 * - the password of a URL (`postgres://user:password@host`);
 * - the value beside a name that says so (`password=…`, `"api_key": "…"`, `DB_PASSWORD: …`, `--token …`), whatever it
 *   looks like;
 * - in `redactLabels`, the value of a label whose name says so.
 *
 * It would rather take out too much: `redact(redact(x))` is `redact(x)`, and a value beside a secret name never
 * survives.
 *
 * **Gotchas**
 *
 * A secret with no telling name and no known shape (a bare random word in a log line) is not found; no redactor finds
 * those without also taking out every image digest and pod hash. Do not log secrets.
 */

const mark = (kind: string): string => `[redacted:${kind}]`

// Names end in one of these words, alone or behind `_`, `-`, `.` or a change of case: DB_PASSWORD, api-key,
// clientSecret.
const secretWord =
  "(?:pass(?:word|wd|phrase|code)?|pwd|secrets?|token|api[_.-]?keys?|access[_.-]?keys?|private[_.-]?keys?|secret[_.-]?(?:access[_.-]?)?keys?|client[_.-]?secret|auth(?:orization)?|credentials?|cookie|session[_.-]?(?:id|key)|signature|dsn|connection[_.-]?string|conn[_.-]?str)"
// The rest of a name before that word. Bounded, so that no text takes more than linear time.
const namePrefix = "[A-Za-z0-9_.-]{0,100}?"

const secretName = new RegExp(`^[A-Za-z0-9_.-]*${secretWord}$`, "i")

/** Whether a name says that its value is secret. `tokens` and `max_tokens` are counts. */
export const isSecretName = (name: string): boolean => secretName.test(name)

// A look-behind keeps a pattern from beginning again inside a run that it has tried already: that would take quadratic
// time.
const shapes: ReadonlyArray<readonly [RegExp, string]> = [
  // A key that was cut off by a line limit has no END.
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
 * The text without its secrets.
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

/** Labels or annotations without their secrets: by the name of each, and by the text of its value. */
export const redactLabels = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, isSecretName(name) ? mark("value") : redact(value)])
  )
