/** The project's own files, without generated and installed ones. */

import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, relative } from "node:path"
import { parseSync } from "oxc-parser"

export interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly text: string
}

const root = dirname(dirname(import.meta.dirname))

const notOurs = new Set([".git", ".cache", "node_modules", "dist", "data", "coverage"])

const pathsUnder = (directory: string): ReadonlyArray<string> =>
  readdirSync(join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = normalize(join(directory, entry.name))
    if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : pathsUnder(path)
    // In a worktree .git is a file.
    return entry.isFile() && !notOurs.has(entry.name) ? [path] : []
  })

const isText = (bytes: Uint8Array): boolean => !bytes.includes(0)

/** Every text file of the project whose path `matches`. */
export const files = (matches: RegExp): ReadonlyArray<SourceFile> =>
  pathsUnder(".")
    .filter((path) => matches.test(path))
    .toSorted()
    .flatMap((path) => {
      const bytes = readFileSync(join(root, path))
      return isText(bytes) ? [{ path, text: bytes.toString("utf8") }] : []
    })

export const foldersUnder = (directory: string): ReadonlyArray<string> =>
  readdirSync(join(root, directory), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && pathsUnder(join(directory, entry.name)).length > 0)
    .map((entry) => entry.name)
    .toSorted()

export const allPaths = (): ReadonlySet<string> => new Set(pathsUnder("."))

/**
 * What a module imports, types and dynamic imports included: packages as named, our own modules as paths from the root.
 */
export const importsOf = (file: SourceFile): ReadonlyArray<string> => {
  const { module } = parseSync(file.path, file.text)
  const specifiers = [
    ...module.staticImports.map((statement) => statement.moduleRequest.value),
    ...module.staticExports.flatMap((statement) =>
      statement.entries.flatMap((entry) => (entry.moduleRequest === null ? [] : [entry.moduleRequest.value]))
    ),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      file.text.slice(moduleRequest.start, moduleRequest.end).replaceAll(/^["'`]|["'`]$/g, "")
    )
  ]
  return [...new Set(specifiers)].map((specifier) =>
    specifier.startsWith(".") ? relative(root, join(root, dirname(file.path), specifier)) : specifier
  )
}

/** The line, from 1, in which a position of a text lies. */
export const lineOf = (text: string, position: number): number => text.slice(0, position).split("\n").length
