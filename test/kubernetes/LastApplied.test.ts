import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { lastAppliedAnnotation, nextApply } from "../../src/kubernetes/LastApplied.ts"

const ref = { namespace: "shop", kind: "Deployment", name: "web" }

interface Fields {
  readonly [field: string]: unknown
}

const container = (image: string, more: Fields = {}): Fields => ({ name: "app", image, ...more })
const specOf = (containers: ReadonlyArray<Fields>, more: Fields = {}): Fields => ({
  ...more,
  template: { metadata: { labels: { app: "web" } }, spec: { containers } }
})

/** The defaults that the API server adds are not in the manifest. */
const live = (spec: Fields): Fields => ({ revisionHistoryLimit: 10, ...spec })

const object = (spec: Fields, stated: Fields | string | undefined, managedFields: ReadonlyArray<object> = []) =>
  ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "web",
      namespace: "shop",
      uid: "u",
      resourceVersion: "1",
      managedFields,
      ...(stated === undefined
        ? {}
        : {
            annotations: {
              [lastAppliedAnnotation]:
                typeof stated === "string" ? stated : JSON.stringify({ kind: "Deployment", spec: stated })
            }
          })
    },
    spec: live(spec)
  }) as KubernetesObject

const bad = specOf([container("web:2")], { replicas: 3 })
const note = (stated: Fields | string | undefined, before: Fields, after: Fields, managed?: ReadonlyArray<object>) =>
  nextApply(ref, object(before, stated, managed), object(after, stated, managed))

const image = "spec.template.spec.containers[app].image"
const env = { env: [{ name: "MODE", value: "old" }] }

const cases: ReadonlyArray<
  readonly [claim: string, note: string | undefined, includes: ReadonlyArray<string>, excludes?: ReadonlyArray<string>]
> = [
  [
    "puts back the image that a rollback replaced",
    note(bad, bad, specOf([container("web:1")], { replicas: 3 })),
    [image, "sets"],
    ["leaves", "replicas"]
  ],
  [
    "leaves a field of the earlier template that the manifest has dropped",
    note(bad, bad, specOf([container("web:1", env)], { replicas: 3 })),
    [image, "leaves spec.template.spec.containers[app].env"]
  ],
  [
    "leaves an item of a list of which the manifest states others, or none",
    note(specOf([container("web:2", { env: [] })]), specOf([container("web:2")]), specOf([container("web:1", env)])),
    [image, "leaves spec.template.spec.containers[app].env[MODE]"]
  ],
  [
    "puts back a list that is replaced as a whole",
    note(
      specOf([container("web:2", { args: ["--new"] })]),
      specOf([container("web:2", { args: ["--new"] })]),
      specOf([container("web:2", { args: ["--old"] })])
    ),
    ["sets spec.template.spec.containers[app].args"],
    ["leaves"]
  ],
  [
    "puts back a replica count that the manifest states",
    note(bad, bad, { ...bad, replicas: 5 }),
    ["spec.replicas", "sets"],
    [image]
  ],
  [
    "puts back a memory limit that the manifest states",
    note(
      specOf([container("web:2", { resources: { limits: { memory: "256Mi" } } })]),
      specOf([container("web:2", { resources: { limits: { memory: "256Mi" } } })]),
      specOf([container("web:2", { resources: { limits: { memory: "512Mi", cpu: "1" } } })])
    ),
    ["containers[app].resources.limits.memory", "leaves spec.template.spec.containers[app].resources.limits.cpu"]
  ],
  [
    "is told although somebody has added a container before ours",
    note(bad, specOf([{ name: "mesh" }, container("web:2")]), specOf([{ name: "mesh" }, container("web:1")])),
    [image],
    ["mesh"]
  ],
  [
    "reports a conflict if the manifest is applied on the server side",
    note(undefined, bad, { ...bad, replicas: 5 }, [
      { manager: "kubectl", operation: "Apply", fieldsV1: { "f:spec": { "f:replicas": {} } } }
    ]),
    ["conflict"]
  ]
]

const untold: ReadonlyArray<readonly [claim: string, note: string | undefined]> = [
  ["nobody applies the object", note(undefined, bad, { ...bad, replicas: 5 })],
  ["the manifest leaves the replica count to others", note(specOf([container("web:2")]), bad, { ...bad, replicas: 5 })],
  ["nothing of the spec changes", note(bad, bad, bad)],
  [
    "the change makes the object what the manifest states",
    note(bad, specOf([container("web:1")], { replicas: 3 }), bad)
  ],
  [
    "a quantity is stated in another form",
    note(specOf([], { storage: "1Gi" }), { storage: "2Gi" }, { storage: "1024Mi" })
  ],
  ["the annotation is not JSON", note("{", bad, { ...bad, replicas: 5 })],
  [
    "a controller applies the object on the server side",
    note(undefined, bad, { ...bad, replicas: 5 }, [
      { manager: "hpa-tool", operation: "Apply", fieldsV1: { "f:spec": {} } }
    ])
  ]
]

describe("the next kubectl apply", () => {
  for (const [claim, told, includes, excludes = []] of cases) {
    it(`${claim}`, () => {
      for (const text of includes) assert.include(told, text)
      for (const text of excludes) assert.notInclude(told, text)
      assert.include(told, "in the manifest")
    })
  }

  for (const [claim, told] of untold) it(`is not mentioned if ${claim}`, () => assert.isUndefined(told))
})
