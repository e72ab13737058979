/**
 * Cycles of imports among the files of src. An `import type`, a re-export and a dynamic import count: a reader who
 * follows them goes round in circles, whatever the compiler makes of them.
 */

import { importsOf, type SourceFile } from "./SourceTree.ts"

/** Remaining cycles, each as the sorted paths of its files. The list may only shrink. */
export const debt: ReadonlyArray<ReadonlyArray<string>> = []

/** The strongly connected components of more than one file, and files that import themselves (Tarjan, 1972). */
export const cycles = (files: ReadonlyArray<SourceFile>): ReadonlyArray<ReadonlyArray<string>> => {
  const paths = new Set(files.map(({ path }) => path))
  const imports = new Map(
    files.map((file) => [file.path, importsOf(file).filter((imported) => paths.has(imported))] as const)
  )
  const indexOf = new Map<string, number>()
  const stack: Array<string> = []
  const found: Array<ReadonlyArray<string>> = []
  const visit = (path: string): number => {
    const index = indexOf.size
    indexOf.set(path, index)
    stack.push(path)
    let low = index
    for (const imported of imports.get(path) ?? []) {
      if (!indexOf.has(imported)) low = Math.min(low, visit(imported))
      else if (stack.includes(imported)) low = Math.min(low, indexOf.get(imported)!)
    }
    if (low === index) {
      const component = stack.splice(stack.indexOf(path))
      if (component.length > 1 || imports.get(path)?.includes(path) === true) found.push(component.toSorted())
    }
    return low
  }
  for (const { path } of files) if (!indexOf.has(path)) visit(path)
  return found.toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1))
}
