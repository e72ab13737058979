/**
 * Writes every example into .cache/doc-examples: one module each, and one test file for each file that has examples.
 * They are type-checked and run from there; `import … from "kubernaut"` means this package.
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
    throw new Error(`${file}:${example.line}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

const writeExamples = (file: string): number => {
  const text = readFileSync(file, "utf8")
  const examples = file.endsWith(".md") ? inMarkdown(text) : inSource(text, file)
  if (examples.length === 0) return 0
  const directory = join(output, file)
  mkdirSync(directory, { recursive: true })
  const helper = relative(directory, join(import.meta.dirname, "Assertion.ts"))
  for (const example of examples) {
    writeFileSync(
      join(directory, `line-${example.line}.ts`),
      `// From ${file}:${example.line}\n${moduleText(file, example)}\n` +
        `import { assertEquals as ${assertion} } from ${JSON.stringify(helper)}\nvoid ${assertion}\n`
    )
  }
  const tests = examples.map(({ line }) =>
    `test(${JSON.stringify(`the example at ${file}:${line} does what it says`)}, () => import("./line-${line}.ts"))\n`
  )
  writeFileSync(join(directory, "examples.test.ts"), `import { test } from "vitest"\n\n${tests.join("")}`)
  return examples.length
}

process.chdir(dirname(dirname(import.meta.dirname)))
rmSync(output, { recursive: true, force: true })
const files = [...globSync("src/**/*.ts"), ...globSync("*.md")].toSorted()
console.log(`${files.reduce((count, file) => count + writeExamples(file), 0)} examples in ${files.length} files`)
