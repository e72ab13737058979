import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { PodTemplate } from "../../src/kubernetes/ObjectModel.ts"
import { revisionOf, sameTemplate, withoutHash } from "../../src/kubernetes/Revision.ts"

const numbered = (revision: string | undefined): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: {
    name: "checkout-1",
    uid: "1",
    resourceVersion: "1",
    annotations: revision === undefined ? {} : { "deployment.kubernetes.io/revision": revision }
  }
})

describe("revisionOf", () => {
  for (const [annotation, number] of [
    ["3", 3],
    ["0", null],
    ["-1", null],
    ["1.5", null],
    ["", null],
    ["three", null],
    [undefined, null]
  ] as const)
    it(`is ${number} for the annotation ${JSON.stringify(annotation)}`, () => {
      assert.strictEqual(revisionOf(numbered(annotation)), number)
    })
})

describe("sameTemplate", () => {
  const template: PodTemplate = { metadata: { labels: { app: "checkout" } }, spec: { containers: [{ name: "app" }] } }
  const copy: PodTemplate = { ...template, metadata: { labels: { app: "checkout", "pod-template-hash": "5d4f8" } } }

  it("takes the copy of a ReplicaSet for the template of its Deployment", () => {
    assert.isTrue(sameTemplate(copy, template))
    assert.deepStrictEqual(withoutHash(copy), template)
  })
  it("ignores a creation time of null, and labels that are absent instead of empty", () => {
    const bare: PodTemplate = { spec: template.spec }
    assert.isTrue(sameTemplate({ ...bare, metadata: { creationTimestamp: null, labels: {} } }, bare))
  })
  it("notices another label and another container", () => {
    assert.isFalse(sameTemplate({ ...template, metadata: { labels: { app: "cart" } } }, template))
    assert.isFalse(sameTemplate({ ...template, spec: { containers: [{ name: "other" }] } }, template))
  })
})
