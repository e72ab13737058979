/**
 * The public surface: the modules that the entry points of package.json export as namespaces. Each name that such a
 * module exports has a doc comment.
 */

import { dirname, join, normalize } from "node:path"
import { parseSync } from "oxc-parser"
import type { SourceFile } from "./SourceTree.ts"

/** Namespaces by entry point, each with the path of its module. */
export type Surface = ReadonlyMap<string, string>

export const surfaceOf = (entry: SourceFile): Surface =>
  new Map(
    parseSync(entry.path, entry.text).module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ exportName, moduleRequest }) =>
        moduleRequest === null || exportName.name === null
          ? []
          : [[exportName.name, normalize(join(dirname(entry.path), moduleRequest.value))] as const]
      )
    )
  )

const declaredNames = /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type) (?<name>\w+)/gm

/**
 * Exported names without a doc comment. A type that is derived from a schema of the same name shares the schema's
 * comment.
 */
export const undocumented = (file: SourceFile): ReadonlyArray<string> => {
  const documented = new Set<string>()
  const declared = new Set<string>()
  for (const match of file.text.matchAll(declaredNames)) {
    const name = match.groups?.["name"] ?? ""
    declared.add(name)
    if (file.text.slice(0, match.index).endsWith("*/\n")) documented.add(name)
  }
  return [...declared].filter((name) => !documented.has(name)).map((name) => `${file.path}: ${name} has no doc comment`)
}
