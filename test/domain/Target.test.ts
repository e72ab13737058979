import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { clusterOf, kindOf, namespaceOf, targetKey } from "../../src/domain/Target.ts"

const part = Schema.String.check(Schema.isMaxLength(20))
const awkward = Schema.Literals(["", "/", "%", "%2F", "%25", "a/b", "100%", "%252F", "//"])
const Part = Schema.Union([part, awkward])

describe("the key of a target", () => {
  it.prop(
    "has its parts, whatever characters they contain",
    [Part, Part, Part, Part],
    ([cluster, namespace, kind, name]) => {
      const key = targetKey({ cluster, namespace, kind, name })
      assert.deepStrictEqual([clusterOf(key), namespaceOf(key), kindOf(key)], [cluster, namespace, kind])
    }
  )

  it("without a part has an empty one", () => {
    assert.deepStrictEqual([namespaceOf("prod" as never), kindOf("prod/shop" as never)], ["", ""])
  })
})
