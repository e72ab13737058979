import { assert, describe, it } from "@effect/vitest"
import { allowedImports, stages, unused, violations } from "./ImportDirection.ts"
import { files, foldersUnder } from "./SourceTree.ts"

const page = files(/^ARCHITECTURE\.md$/)[0]?.text ?? ""
const allowed = allowedImports(page)
const sources = files(/^src\/.*\.ts$/)

const importing = (path: string, ...specifiers: ReadonlyArray<string>) =>
  violations(allowed, {
    path,
    text: specifiers.map((specifier) => `import ${JSON.stringify(specifier)}\n`).join("")
  })

describe("the table in ARCHITECTURE.md", () => {
  it("allows every import in src", () => {
    assert.deepStrictEqual(
      sources.flatMap((file) => violations(allowed, file)),
      []
    )
  })

  it("lists no import that no file uses", () => {
    assert.deepStrictEqual(unused(allowed, sources), [])
    assert.deepStrictEqual(
      unused(new Map([["domain", ["http"]]]), [{ path: "src/domain/Alert.ts", text: `import "effect"` }]),
      ["ARCHITECTURE.md: src/domain imports nothing of http"]
    )
  })

  it("has a row for every folder of src", () => {
    assert.deepStrictEqual(
      foldersUnder("src").filter((folder) => !allowed.has(folder)),
      []
    )
    assert.strictEqual(importing("src/billing/Invoice.ts", "effect").length, 1)
  })

  it("points downwards only", () => {
    const order = [...allowed.keys()]
    for (const [unit, imports] of allowed) {
      for (const imported of imports)
        assert.isBelow(order.indexOf(unit), order.indexOf(imported), `${unit} ${imported}`)
    }
  })

  it("lets no stage import another stage", () => {
    for (const stage of stages) {
      assert.deepStrictEqual(
        allowed.get(stage)?.filter((unit) => stages.includes(unit)),
        []
      )
    }
  })

  it("keeps telemetry unknown to every stage", () => {
    for (const [unit, imports] of allowed) {
      if (!["cli", "simulation"].includes(unit)) assert.notInclude(imports, "telemetry", unit)
    }
  })
})

describe("an import", () => {
  it("within a folder or towards the bottom of the table is allowed", () => {
    assert.deepStrictEqual(
      importing(
        "src/execution/Executor.ts",
        "../domain/Action.ts",
        "./Rollback.ts",
        "../kubernetes/Client.ts",
        "effect"
      ),
      []
    )
  })

  it("of another stage is refused", () => {
    assert.deepStrictEqual(importing("src/execution/Executor.ts", "../decision/Decider.ts"), [
      "src/execution/Executor.ts: execution must not import src/decision/Decider.ts"
    ])
  })

  it("towards the top of the table is refused, from a nested folder as well", () => {
    assert.strictEqual(importing("src/kubernetes/sandbox/Store.ts", "../../remediation/Remediation.ts").length, 1)
    assert.strictEqual(importing("src/domain/Alert.ts", "../resilience/Deadline.ts").length, 1)
  })

  it("is seen in types, re-exports and dynamic imports", () => {
    const sees = (text: string) => violations(allowed, { path: "src/domain/Alert.ts", text }).length
    assert.strictEqual(sees(`import type { A } from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`export * as Api from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`export { A } from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`const api = await import("../http/Api.ts")`), 1)
  })

  it("of a package is refused in a folder that does not own it", () => {
    assert.strictEqual(importing("src/execution/Executor.ts", "@kubernetes/client-node").length, 1)
    assert.strictEqual(importing("src/kubernetes/ClientNode.ts", "@kubernetes/client-node").length, 0)
    assert.strictEqual(importing("src/domain/Alert.ts", "yaml").length, 1)
  })

  it("of test or scripts is refused in src", () => {
    assert.strictEqual(importing("src/execution/Executor.ts", "../../test/kubernetes/Fixture.ts").length, 1)
  })
})
