import { assert, describe, it } from "@effect/vitest"
import { inexactVersions, lockProblems } from "./Dependencies.ts"
import { files } from "./SourceTree.ts"

const json = (path: RegExp) => JSON.parse(files(path)[0]?.text ?? "")

describe("dependencies", () => {
  it("are pinned to exact versions", () => {
    assert.deepStrictEqual(inexactVersions(json(/^package\.json$/)), [])
    assert.strictEqual(
      inexactVersions({ dependencies: { a: "^1.2.3" }, devDependencies: { b: "latest", c: "1.2.3" } }).length,
      2
    )
  })

  it("are locked for every platform and without a registry", () => {
    assert.deepStrictEqual(lockProblems(json(/^package-lock\.json$/)), [])
  })

  it("are refused with an address, or without the package of another platform", () => {
    assert.strictEqual(
      lockProblems({ packages: { "node_modules/a": { resolved: "https://example.com/a.tgz" } } }).length,
      1
    )
    assert.strictEqual(
      lockProblems({ packages: { "node_modules/a": { optionalDependencies: { "a-linux": "1.0.0" } } } }).length,
      1
    )
    assert.deepStrictEqual(
      lockProblems({
        packages: { "node_modules/a": { optionalDependencies: { "a-linux": "1.0.0" } }, "node_modules/a-linux": {} }
      }),
      []
    )
  })
})
