import { assert, describe, it } from "@effect/vitest"
import { surfaceOf, undocumented } from "./PublicSurface.ts"
import { files } from "./SourceTree.ts"

const manifest = JSON.parse(files(/^package\.json$/)[0]?.text ?? "") as {
  readonly exports: Readonly<Record<string, string>>
}

const entries = Object.values(manifest.exports)
  .filter((path) => path.endsWith(".ts"))
  .flatMap((path) => files(new RegExp(`^${path.replace("./", "").replaceAll(".", "\\.")}$`)))

const modules = entries.flatMap((entry) => [...surfaceOf(entry)])

describe("the public surface", () => {
  it("names each namespace after the file of its module", () => {
    for (const [name, path] of modules) assert.strictEqual(path.split("/").at(-1), `${name}.ts`)
  })

  it("exports no module twice", () => {
    const paths = modules.map(([, path]) => path)
    assert.deepStrictEqual(
      paths.filter((path, index) => paths.indexOf(path) !== index),
      []
    )
  })

  it("has a doc comment for every exported name", () => {
    const paths = new Set(modules.map(([, path]) => path))
    assert.deepStrictEqual(
      files(/^src\/.*\.ts$/)
        .filter(({ path }) => paths.has(path))
        .flatMap(undocumented),
      []
    )
  })

  it("counts a comment of the schema for the type of the same name, and no other comment", () => {
    const text = [
      "/** A mode. */",
      "export const Mode = Schema.Literals([])",
      "export type Mode = typeof Mode.Type",
      "// Not a doc comment.",
      "export const other = 1",
      ""
    ].join("\n")
    assert.deepStrictEqual(undocumented({ path: "src/a.ts", text }), ["src/a.ts: other has no doc comment"])
  })
})
