/** How an operator names kinds besides the built-in ones. */

import { assert, describe, it } from "@effect/vitest"
import * as CustomKinds from "../../src/kubernetes/CustomKinds.ts"

describe("a custom kind", () => {
  it.each([
    ["security.istio.io/v1/AuthorizationPolicy", { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" }],
    ["x.io/v1beta1/Proxy/proxys", { apiVersion: "x.io/v1beta1", kind: "Proxy", plural: "proxys" }]
  ] as const)("is named by group, version and kind: %s", (text, expected) => {
    assert.deepStrictEqual(CustomKinds.parse(text), expected)
  })

  it.each(["AuthorizationPolicy", "security.istio.io/AuthorizationPolicy", "x.io/v1/lower", ""])(
    "is not named by %s",
    (text) => {
      assert.isUndefined(CustomKinds.parse(text))
      assert.include(CustomKinds.problemOf(text), "security.istio.io/v1/AuthorizationPolicy")
    }
  )

  it.each(["x.io/v1/Secret", "apps/v1/Deployment"])("never stands for a built-in kind: %s", (text) => {
    assert.isUndefined(CustomKinds.parse(text))
  })

  it("has the plural that Kubernetes would give it, where nobody says another one", () => {
    const plural = (kind: string) => CustomKinds.guessed({ apiVersion: "x.io/v1", kind }).plural
    assert.deepStrictEqual(["Proxy", "Sidecar", "Class"].map(plural), ["proxies", "sidecars", "classes"])
  })
})
