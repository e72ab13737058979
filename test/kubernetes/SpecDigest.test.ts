import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { specDigest } from "../../src/kubernetes/SpecDigest.ts"

const digest = (kind: string, fields: object, metadata: object = {}) =>
  specDigest({
    apiVersion: "v1",
    kind,
    metadata: { name: "it", namespace: "shop", uid: "uid", resourceVersion: "9", ...metadata },
    ...fields
  } as KubernetesObject)

const webhooks = (failurePolicy: string, caBundle: string) => ({
  webhooks: [{ name: "a.example.com", failurePolicy, clientConfig: { url: "https://a", caBundle } }]
})

/** An object without a spec, the same after a controller has written it, and after a person has. */
const rows: ReadonlyArray<readonly [kind: string, object, controller: object, person: object]> = [
  ["ConfigMap", { data: { url: "a" } }, { status: {} }, { data: { url: "b" } }],
  ["ConfigMap", { data: { url: "a" } }, {}, { binaryData: { url: "YQ==" } }],
  ["Role", { rules: [{ verbs: ["get"] }] }, {}, { rules: [{ verbs: ["list"] }] }],
  ["RoleBinding", { subjects: [{ name: "a" }] }, {}, { subjects: [] }],
  ["PriorityClass", { value: 5, description: "a" }, {}, { description: "b" }],
  ["ServiceAccount", { imagePullSecrets: [{ name: "a" }] }, { secrets: [{ name: "token" }] }, { imagePullSecrets: [] }],
  ["ValidatingWebhookConfiguration", webhooks("Ignore", ""), webhooks("Ignore", "YQ=="), webhooks("Fail", "")],
  ["MutatingWebhookConfiguration", webhooks("Ignore", ""), webhooks("Ignore", "YQ=="), webhooks("Fail", "")]
]

describe("the digest of an object without a spec", () => {
  for (const [kind, object, controller, person] of rows) {
    it(`of a ${kind} differs after a person's change of ${Object.keys(person).join()}`, () => {
      assert.isString(digest(kind, object))
      assert.notStrictEqual(digest(kind, { ...object, ...person }), digest(kind, object))
    })

    it(`of a ${kind} with ${Object.keys(object).join()} ignores versions and what a controller writes`, () => {
      const written = { ...object, ...controller }
      assert.strictEqual(digest(kind, written, { resourceVersion: "10", labels: { a: "b" } }), digest(kind, object))
    })
  }

  it("does not depend on the order of its keys", () => {
    assert.strictEqual(
      digest("ConfigMap", { data: { a: "1", b: "2" } }),
      digest("ConfigMap", { data: { b: "2", a: "1" } })
    )
  })

  it("is unknown if the object says nothing", () => {
    assert.isNull(digest("ConfigMap", {}))
  })
})
