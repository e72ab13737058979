import { assert, describe, it } from "@effect/vitest"
import { cycles, debt } from "./ImportCycles.ts"
import { files } from "./SourceTree.ts"

const file = (path: string, text: string) => ({ path, text })

describe("import cycles", () => {
  it("in src are the listed ones", () => {
    assert.deepStrictEqual(cycles(files(/^src\/.*\.ts$/)), debt)
  })

  it("count types, re-exports and dynamic imports", () => {
    for (const back of [
      `import type { A } from "./A.ts"`,
      `import { type A } from "./A.ts"`,
      `export * as A from "./A.ts"`,
      `const a = await import("./A.ts")`
    ]) {
      const found = cycles([file("src/A.ts", `import { B } from "./B.ts"`), file("src/B.ts", back)])
      assert.deepStrictEqual(found, [["src/A.ts", "src/B.ts"]], back)
    }
  })

  it("are found across several files, once each, and for a file that imports itself", () => {
    const found = cycles([
      file("src/A.ts", `import "./B.ts"\nimport "./D.ts"`),
      file("src/B.ts", `import "./C.ts"`),
      file("src/C.ts", `import "./A.ts"\nimport "./B.ts"`),
      file("src/D.ts", `import "./D.ts"`),
      file("src/E.ts", `import "./A.ts"`)
    ])
    assert.deepStrictEqual(found, [["src/A.ts", "src/B.ts", "src/C.ts"], ["src/D.ts"]])
  })
})
