/**
 * Which folder of `src` may import which: the table "What is where" in ARCHITECTURE.md, so that the page and the rule
 * cannot disagree. Which package belongs to which folder stands here.
 *
 * A stage never imports another stage. They meet in `remediation`, through the types of `domain`.
 */

import { importsOf, type SourceFile } from "./SourceTree.ts"

/** Folder or top-level file of `src`, and what it may import beside itself. */
export type AllowedImports = ReadonlyMap<string, ReadonlyArray<string>>

const row = /^\| *`src\/(?<unit>[\w.]+)` *\|[^|]*\|(?<imports>[^|]*)\|/

/** Reads the table. A cell that lists nothing says `nothing`. */
export const allowedImports = (architecture: string): AllowedImports =>
  new Map(
    architecture.split("\n").flatMap((line) => {
      const { imports, unit } = row.exec(line)?.groups ?? {}
      if (unit === undefined || imports === undefined) return []
      const names = imports.trim().split(/\s+/)
      return [[unit, names.length === 1 && names[0] === "nothing" ? [] : names] as const]
    })
  )

export const stages: ReadonlyArray<string> = ["intake", "investigation", "decision", "execution", "verification"]

/** A package that only some folders use. The others reach it through a port of ours. */
const packageOwners: ReadonlyArray<readonly [package_: RegExp, owners: ReadonlyArray<string>]> = [
  [/^@kubernetes\/client-node$/, ["kubernetes"]],
  [/^(openai|@anthropic-ai\/sdk)(\/|$)/, ["investigation"]],
  [/^(prom-client|@effect\/opentelemetry|@opentelemetry\/)/, ["telemetry"]],
  [/^node:sqlite$/, ["storage"]],
  [/^@effect\/sql-/, ["storage"]],
  [/^node:(http|https|http2|net|tls|dgram)$/, ["http", "kubernetes", "investigation", "main.ts", "cli"]],
  // A kubeconfig may name a program that returns the credential.
  [/^node:child_process$/, ["cli", "kubernetes"]]
]

/** Decisions are functions of data: these folders need Effect and nothing else. */
const pure = new Set(["domain", "resilience", "decision"])
const pureMayUse = /^(effect(\/|$)|node:crypto$)/

const unitOf = (path: string): string | undefined => /^src\/(?<unit>[^/]+)/.exec(path)?.groups?.["unit"]

/** The imports of one file that the table does not allow. */
export const violations = (allowed: AllowedImports, file: SourceFile): ReadonlyArray<string> => {
  const unit = unitOf(file.path)
  if (unit === undefined) return []
  const mayImport = allowed.get(unit)
  if (mayImport === undefined) return [`${file.path}: ARCHITECTURE.md has no row for src/${unit}`]
  return importsOf(file).flatMap((imported) => {
    const target = unitOf(imported)
    if (target !== undefined) {
      return target === unit || mayImport.includes(target) ? [] : [`${file.path}: ${unit} must not import ${imported}`]
    }
    if (/^(test|scripts|examples)\//.test(imported)) return [`${file.path}: src must not import ${imported}`]
    const owner = packageOwners.find(([package_]) => package_.test(imported))
    if (owner !== undefined && !owner[1].includes(unit)) {
      return [`${file.path}: only ${owner[1].join(", ")} may import ${imported}`]
    }
    return pure.has(unit) && !pureMayUse.test(imported) ? [`${file.path}: ${unit} must not import ${imported}`] : []
  })
}

/** Entries of the table that no import uses. The table then claims more than is true. */
export const unused = (allowed: AllowedImports, sources: ReadonlyArray<SourceFile>): ReadonlyArray<string> => {
  const used = new Set(
    sources.flatMap((file) => importsOf(file).map((imported) => `${unitOf(file.path)} ${unitOf(imported)}`))
  )
  return [...allowed].flatMap(([unit, imports]) =>
    imports
      .filter((imported) => !used.has(`${unit} ${imported}`))
      .map((imported) => `ARCHITECTURE.md: src/${unit} imports nothing of ${imported}`)
  )
}
