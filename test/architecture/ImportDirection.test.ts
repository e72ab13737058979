import { assert, describe, it } from "@effect/vitest"
import { mayImport, violations } from "./ImportDirection.ts"
import { files, foldersUnder } from "./SourceTree.ts"

const importing = (path: string, ...specifiers: ReadonlyArray<string>) =>
  violations({ path, text: specifiers.map((specifier) => `import ${JSON.stringify(specifier)}\n`).join("") })

describe("import direction", () => {
  it("holds in src", () => {
    assert.deepStrictEqual(files(/^src\/.*\.ts$/).flatMap(violations), [])
  })

  it("allows an import towards the ground and within a folder", () => {
    assert.deepStrictEqual(
      importing(
        "src/execution/Executor.ts",
        "../domain/Action.ts",
        "./Rollback.ts",
        "../kubernetes/KubernetesClient.ts",
        "effect"
      ),
      []
    )
  })

  it("refuses that one stage imports another", () => {
    assert.deepStrictEqual(importing("src/execution/Executor.ts", "../decision/Decider.ts"), [
      "src/execution/Executor.ts: execution must not import src/decision/Decider.ts"
    ])
  })

  it("refuses an import away from the ground, from a nested folder as well", () => {
    assert.strictEqual(importing("src/kubernetes/sandbox/Store.ts", "../../remediation/Remediation.ts").length, 1)
    assert.strictEqual(importing("src/domain/Alert.ts", "../resilience/Deadline.ts").length, 1)
  })

  it("sees types, re-exports and dynamic imports", () => {
    const sees = (text: string) => violations({ path: "src/domain/Alert.ts", text }).length
    assert.strictEqual(sees(`import type { A } from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`export * as Api from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`export { A } from "../http/Api.ts"`), 1)
    assert.strictEqual(sees(`const api = await import("../http/Api.ts")`), 1)
  })

  it("refuses that anything but main and cli imports telemetry or notification", () => {
    for (const [unit, allowed] of Object.entries(mayImport)) {
      if (["main.ts", "cli", "index.ts", "simulation"].includes(unit)) continue
      assert.notInclude(allowed, "telemetry", unit)
      assert.notInclude(allowed, "notification", unit)
    }
  })

  it("refuses that a stage's table entry names another stage", () => {
    const stages = ["intake", "investigation", "decision", "execution", "verification"]
    for (const stage of stages)
      assert.deepStrictEqual(
        mayImport[stage]?.filter((unit) => stages.includes(unit)),
        []
      )
  })

  it("refuses a package in a folder that does not own it", () => {
    assert.strictEqual(importing("src/execution/Executor.ts", "@kubernetes/client-node").length, 1)
    assert.strictEqual(importing("src/kubernetes/ClientNode.ts", "@kubernetes/client-node").length, 0)
    assert.strictEqual(importing("src/domain/Alert.ts", "yaml").length, 1)
  })

  it("refuses that src imports from test or scripts", () => {
    assert.strictEqual(importing("src/execution/Executor.ts", "../../test/kubernetes/Fixture.ts").length, 1)
  })

  it("refuses a folder that has no place in it", () => {
    assert.strictEqual(importing("src/billing/Invoice.ts", "effect").length, 1)
    assert.deepStrictEqual(
      foldersUnder("src").filter((folder) => !(folder in mayImport)),
      []
    )
  })
})
