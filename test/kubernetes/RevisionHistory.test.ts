import { assert, describe, it } from "@effect/vitest"
import { revisionsOf } from "../../src/investigation/evidence/EvidenceOfObjects.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { earlierRevisions, historyOf } from "../../src/kubernetes/RevisionHistory.ts"

const template = (image: string) => ({
  metadata: { labels: { app: "db" } },
  spec: { containers: [{ name: "c", image }] }
})

const workload = (kind: "DaemonSet" | "StatefulSet"): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "db", namespace: "shop", uid: "u", resourceVersion: "1" },
  spec: { selector: { matchLabels: { app: "db" } }, template: template("new") }
})

const revision = (number: number, data: unknown): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "ControllerRevision",
  metadata: {
    name: `db-${number}`,
    namespace: "shop",
    uid: `r${number}`,
    resourceVersion: "1",
    labels: { "controller-revision-hash": `h${number}` },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "any", name: "db", uid: "u", controller: true }]
  },
  revision: number,
  data
})

describe("a ControllerRevision", () => {
  const kept = (image: string) => ({ spec: { template: { $patch: "replace", ...template(image) } } })

  it.each<readonly [string, unknown]>([
    ["no data", undefined],
    ["data that is null", null],
    ["data that is text", "{}"],
    ["a spec that is null", { spec: null }],
    ["a template that is null", { spec: { template: null } }],
    ["a template that is a list", { spec: { template: [] } }],
    ["a template without a spec", { spec: { template: {} } }],
    ["a spec of pods that is null", { spec: { template: { spec: null } } }],
    ["a spec of pods without containers", { spec: { template: { spec: {} } } }],
    ["no container", { spec: { template: { spec: { containers: [] } } } }],
    ["containers that are no list", { spec: { template: { spec: { containers: { c: {} } } } } }],
    ["a container that is null", { spec: { template: { spec: { containers: [null] } } } }],
    ["an image that is a number", { spec: { template: { spec: { containers: [{ name: "c", image: 1 }] } } } }],
    ["metadata that is text", { spec: { template: { metadata: "db", spec: { containers: [{ name: "c" }] } } } }]
  ])("with %s keeps no template, and those beside it are known", (_what, data) => {
    for (const kind of ["StatefulSet", "DaemonSet"] as const) {
      const [object, all] = [workload(kind), [revision(1, kept("old")), revision(2, data), revision(3, kept("new"))]]
      assert.deepStrictEqual(
        historyOf(object, all).map((past) => past.revision),
        [3, 1]
      )
      assert.deepStrictEqual(earlierRevisions(object, null, { controllerRevisions: all }), [1])
      assert.deepStrictEqual(
        revisionsOf(object, all, null).map(({ current, images }) => [current, ...images]),
        [
          [true, "new"],
          [false, "old"]
        ]
      )
    }
  })

  it("may have a template without metadata, or with metadata that is null", () => {
    const { spec } = template("old")
    for (const bare of [{ spec }, { metadata: null, spec }])
      assert.deepStrictEqual(
        historyOf(workload("DaemonSet"), [revision(1, { spec: { template: bare } })])[0]?.template,
        {
          spec,
          metadata: {}
        } as never
      )
  })
})
