/**
 * Which folder of src may import which, and which package is whose.
 *
 *     main → cli, http → remediation → the stages → kubernetes, storage → resilience, domain
 *
 * A stage never imports another stage: they meet in remediation, through the types of domain. Telemetry and
 * notification subscribe to what the others publish, so nothing but main and cli knows that they are there.
 */

import { importsOf, type SourceFile } from "./SourceTree.ts"

const base = ["resilience", "domain"]
const ground = ["kubernetes", "storage", ...base]
const stages = ["intake", "investigation", "decision", "execution", "verification"]
const inside = ["remediation", "changes", "health", ...stages, ...ground]
const listeners = ["telemetry", "notification"]

/** Folder, or file at the top of src, and what it may import beside itself. A folder that is not here may not exist. */
export const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  resilience: [],
  kubernetes: base,
  storage: base,
  ...Object.fromEntries(stages.map((stage) => [stage, ground])),
  changes: ground,
  health: base,
  remediation: ["changes", "health", ...stages, ...ground],
  telemetry: inside,
  notification: inside,
  console: [],
  http: ["console", ...inside],
  simulation: ["Kubernaut.ts", "http", ...listeners, ...inside],
  // The whole of it as one layer, for embedders and for the commands.
  "Kubernaut.ts": inside,
  "index.ts": ["Kubernaut.ts", "http", "simulation", ...listeners, ...inside],
  cli: ["Kubernaut.ts", "http", "simulation", "console", ...listeners, ...inside],
  "main.ts": ["cli", "Kubernaut.ts", "http", "simulation", "console", ...listeners, ...inside]
}

/** A package that only some folders speak with; the others meet it as a port of ours. */
const packageOwners: ReadonlyArray<readonly [package_: RegExp, owners: ReadonlyArray<string>]> = [
  [/^@kubernetes\/client-node$/, ["kubernetes"]],
  [/^(openai|@anthropic-ai\/sdk)(\/|$)/, ["investigation"]],
  [/^(prom-client|@effect\/opentelemetry|@opentelemetry\/)/, ["telemetry"]],
  [/^node:sqlite$/, ["storage"]],
  [/^@effect\/sql-/, ["storage"]],
  [/^node:(http|https|http2|net|tls|dgram)$/, ["http", "kubernetes", "investigation", "main.ts", "cli"]],
  [/^node:child_process$/, ["cli"]]
]

/** Decisions are functions of data: these folders need Effect and nothing else. */
const pure = new Set(["domain", "resilience", "decision"])
const pureMayUse = /^(effect(\/|$)|node:crypto$)/

const unitOf = (path: string): string | undefined => /^src\/(?<unit>[^/]+)/.exec(path)?.groups?.["unit"]

export const violations = (file: SourceFile): ReadonlyArray<string> => {
  const unit = unitOf(file.path)
  if (unit === undefined) return []
  const allowed = mayImport[unit]
  if (allowed === undefined)
    return [`${file.path}: src/${unit} has no place in the import direction; see ImportDirection.ts`]
  return importsOf(file).flatMap((imported) => {
    const target = unitOf(imported)
    if (target !== undefined) {
      return target === unit || allowed.includes(target) ? [] : [`${file.path}: ${unit} must not import ${imported}`]
    }
    if (/^(test|scripts|examples)\//.test(imported)) return [`${file.path}: src must not import ${imported}`]
    const owner = packageOwners.find(([package_]) => package_.test(imported))
    if (owner !== undefined && !owner[1].includes(unit)) {
      return [`${file.path}: only ${owner[1].join(", ")} may import ${imported}`]
    }
    return pure.has(unit) && !pureMayUse.test(imported) ? [`${file.path}: ${unit} must not import ${imported}`] : []
  })
}
