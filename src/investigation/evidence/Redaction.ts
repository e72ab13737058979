/**
 * Removes secrets from text before it leaves the process: to a model, the journal or a log.
 *
 * **Details**
 *
 * Each secret is replaced by `[redacted:<kind>]`, so that a reader or a model still sees that something was there:
 *
 * - shapes that are secret in any context: private keys, also without their first line (`HeadlessKeys`), JSON web tokens,
 *   access keys (`SecretShapes`), and the tokens of two hundred vendors (`ScannerRules`);
 * - credentials in a URL (`postgres://user:password@host`), after a scheme (`Authorization: token …`), after a flag
 *   (`mysql -p…`), and the data of a Kubernetes Secret;
 * - any value after a secret name (`password=…`, `"api_key": "…"`, `DB_PASSWORD: …`, `--token …`; see
 *   `domain/SecretNames`);
 * - a value in a notation of its own (`define('DB_PASSWORD', …)`, `bindpw …`, a line of `.pgpass`; see
 *   `ConfigurationSecrets`), and what is beneath `passwords:` (`NestedSecrets`);
 * - a password in a sentence (`the admin password is …`; see `ProsePasswords`);
 * - in `redactLabels`, the value of a label with a secret name.
 *
 * When in doubt, the text is removed: a value after a secret name never survives. `redact(redact(x))` is `redact(x)`.
 *
 * **Gotchas**
 *
 * A secret without a secret name or a known shape (a bare random string in a log line) is not found. A redactor that
 * finds those also removes every image digest and pod hash. Do not log secrets.
 */

import { isSecretValue } from "../../domain/SecretNames.ts"
import { CleanTexts } from "./CleanTexts.ts"
import { replaceScanned } from "./ScannerRules.ts"
import { mark, replaceNamed, replaceShapes } from "./SecretShapes.ts"

const cleanTexts = new CleanTexts()

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
  if (cleanTexts.has(text)) return text
  const redacted = replaceNamed(replaceScanned(replaceShapes(text), mark))
  if (redacted === text) cleanTexts.add(text)
  return redacted
}

/** Returns labels or annotations without their secrets, found by name and by the text of the value. */
export const redactLabels = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, isSecretValue(name, value) ? mark("value") : redact(value)])
  )
