/**
 * Writes each example to a module in .cache/doc-examples, and a test file that imports them all. They are type-checked
 * and run from there. `import … from "kubernaut"` imports this package; a relative import is relative to the file of
 * the example. There is one test file, so that the package is loaded once.
 */

import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { type Example, inMarkdown, inSource } from "./Example.ts"
import { transform } from "./Transform.ts"

const output = ".cache/doc-examples"
const assertion = "assertEquals__"

const moduleText = (file: string, example: Example): string => {
  try {
    return transform(example.code, assertion)
  } catch (error) {
    throw new Error(`${file}:${example.line}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

const examplesOf = (file: string): ReadonlyArray<Example> => {
  const text = readFileSync(file, "utf8")
  return file.endsWith(".md") ? inMarkdown(text) : inSource(text, file)
}

/** Writes the module of an example and returns the test that runs it. */
const writeExample = (file: string, example: Example): string => {
  const path = join(file, `line-${example.line}.ts`)
  const directory = dirname(join(output, path))
  const helper = relative(directory, join(import.meta.dirname, "Assertion.ts"))
  const code = moduleText(file, example).replaceAll(/(?<= from ")\.{1,2}\/[^"]+/g, (specifier) =>
    relative(directory, join(dirname(file), specifier))
  )
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(output, path),
    `// From ${file}:${example.line}\n${code}\n`
      + `import { assertEquals as ${assertion} } from ${JSON.stringify(helper)}\nvoid ${assertion}\n`
  )
  return `test(${JSON.stringify(`the example at ${file}:${example.line} runs as stated`)}, () => import("./${path}"))\n`
}

process.chdir(dirname(dirname(import.meta.dirname)))
rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })
const tests = [...globSync("src/**/*.ts"), ...globSync("*.md")]
  .toSorted()
  .flatMap((file) => examplesOf(file).map((example) => writeExample(file, example)))
writeFileSync(join(output, "examples.test.ts"), `import { test } from "vitest"\n\n${tests.join("")}`)
console.log(`${tests.length} examples`)
