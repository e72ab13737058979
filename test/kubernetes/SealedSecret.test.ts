/** What leaves the client of a Secret. */

import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { seal } from "../../src/kubernetes/SealedSecret.ts"

const secret = (data: Record<string, string>, annotations?: Record<string, string>): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "db",
    namespace: "shop",
    uid: "u",
    resourceVersion: "1",
    ...(annotations === undefined ? {} : { annotations })
  },
  type: "Opaque",
  data
})

describe("a sealed Secret", () => {
  it("has the keys, and no value in any field or annotation", () => {
    const text = JSON.stringify(
      seal({
        ...secret({ password: "aHVudGVyMg==" }, { "last-applied": "aHVudGVyMg==" }),
        stringData: { a: "aHVudGVyMg==" }
      })
    )
    assert.include(text, "password")
    assert.notInclude(text, "aHVudGVyMg==")
    assert.notInclude(text, "hunter2")
  })

  it("shows which key has changed", () => {
    const before = seal(secret({ a: "1", b: "2" }))["data"] as Record<string, string>
    const after = seal(secret({ a: "1", b: "3" }))["data"] as Record<string, string>
    assert.strictEqual(before["a"], after["a"])
    assert.notStrictEqual(before["b"], after["b"])
  })

  it("leaves every other kind as it is", () => {
    const map = { ...secret({ a: "1" }), kind: "ConfigMap" }
    assert.strictEqual(seal(map), map)
  })
})
