/**
 * The file with the bearer tokens:
 *
 *     - name: alertmanager
 *       role: source        # posts alerts
 *       token: 8f0c…        # at least 16 characters; generate one with openssl rand -hex 32
 *     - name: grafana
 *       role: viewer        # reads
 *       token: …
 *     - name: alice
 *       role: operator      # reads, approves, overrides breakers
 *       token: …
 *
 * The audit log shows the name. An invalid file is refused as a whole, and no message quotes a token.
 */

import { Effect, FileSystem, Redacted, Result, Schema, SchemaIssue } from "effect"
import { parseDocument } from "yaml"
import type { Token } from "../../http/Authentication.ts"
import { ConfigurationError } from "./Configuration.ts"

const Entry = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9@._-]{0,62}$/, {
      message: "expected a name of letters, digits, @, dots, hyphens and underscores"
    })
  ),
  role: Schema.Literals(["source", "viewer", "operator"]),
  token: Schema.String.check(Schema.isMinLength(16), Schema.isPattern(/^[\x21-\x7e]+$/))
})

const expected: Readonly<Record<string, string>> = {
  name: "expected a name of at most 63 letters, digits, @, dots, hyphens and underscores",
  role: "expected source, viewer or operator",
  token: "expected 16 or more printable ASCII characters without spaces"
}

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const problemsOf = (issue: SchemaIssue.Issue): ReadonlyArray<string> =>
  formatIssues(issue).issues.map(({ path }) => {
    const [index, field] = (path ?? []).map(String)
    const place = index === undefined ? "" : `entry ${Number(index) + 1}${field === undefined ? "" : `, ${field}`}: `
    return `${place}${expected[field ?? ""] ?? (field === undefined ? "expected a list of entries with name, role and token" : "unknown field; an entry has name, role and token")}`
  })

/** Parses the file, and reports every problem with it. */
export const parse = (text: string): Result.Result<ReadonlyArray<Token>, ReadonlyArray<string>> => {
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors.length > 0) return Result.fail(["not valid YAML"])
  const decoded = Schema.decodeUnknownResult(Schema.NonEmptyArray(Entry), { errors: "all", onExcessProperty: "error" })(
    document.toJS()
  )
  if (Result.isFailure(decoded)) return Result.fail(problemsOf(decoded.failure.issue))
  const entries = decoded.success
  const twice = (values: ReadonlyArray<string>) => values.findIndex((value, index) => values.indexOf(value) !== index)
  const sameName = twice(entries.map(({ name }) => name))
  const sameToken = twice(entries.map(({ token }) => token))
  const problems = [
    ...(sameName === -1 ? [] : [`entry ${sameName + 1}, name: already used by an earlier entry`]),
    ...(sameToken === -1 ? [] : [`entry ${sameToken + 1}, token: already used by an earlier entry`])
  ]
  return problems.length > 0
    ? Result.fail(problems)
    : Result.succeed(entries.map(({ token, ...entry }) => ({ ...entry, token: Redacted.make(token) })))
}

export const load = Effect.fnUntraced(function* (path: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const problem = (message: string) => ({ key: "KUBERNAUT_TOKENS_FILE", at: path, message })
  const text = yield* fileSystem
    .readFileString(path)
    .pipe(Effect.mapError(() => new ConfigurationError({ problems: [problem("cannot read the file")] })))
  return yield* Effect.fromResult(
    Result.mapError(parse(text), (messages) => new ConfigurationError({ problems: messages.map(problem) }))
  )
})
