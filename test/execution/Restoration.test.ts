import { assert, describe, it } from "@effect/vitest"
import { plan } from "../../src/execution/ActionPlan.ts"
import { removal, valueAt } from "../../src/execution/ObjectPatch.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { context, deployment, template } from "./objects.ts"
import { accepted, after, changeId, made, planBack, recorded, rulesOf } from "./restoring.ts"

const selecting = (app: string) => made("Service", { spec: { selector: { app }, ports: [{ port: 80 }] } })
const config = (data: object) => made("ConfigMap", { data })

/** One change of every kind of field, as a person makes it. */
const pairs: ReadonlyArray<readonly [what: string, before: KubernetesObject, after: KubernetesObject]> = [
  ["the selector of a Service", selecting("x"), selecting("y")],
  ["a key of a ConfigMap", config({ url: "a", mode: "fast" }), config({ url: "b", mode: "fast" })],
  ["a key that was removed from a ConfigMap", config({ url: "a", mode: "fast" }), config({ mode: "fast" })],
  ["a key that was added to a ConfigMap", config({ url: "a" }), config({ url: "a", mode: "slow" })],
  ["the whole data of a ConfigMap", config({ url: "a" }), made("ConfigMap", {})],
  ["the replicas of a Deployment", deployment({ replicas: 3 }), deployment({ replicas: 0 })],
  [
    "a node selector that was added",
    deployment(),
    deployment({ template: template("app:3", { nodeSelector: { disk: "ssd" } }) })
  ],
  [
    "a container that was removed, at its place",
    deployment(),
    deployment({ template: template("app:3", { containers: [{ name: "proxy", image: "proxy:1" }] }) })
  ],
  [
    "two variables that were removed, at their places",
    deployment({ template: template("app:3", { containers: [{ name: "app", env: env("A", "B", "C", "D") }] }) }),
    deployment({ template: template("app:3", { containers: [{ name: "app", env: env("B", "D") }] }) })
  ],
  [
    "a variable that was added",
    deployment({ template: template("app:3", { containers: [{ name: "app", env: env("A", "C") }] }) }),
    deployment({ template: template("app:3", { containers: [{ name: "app", env: env("A", "B", "C") }] }) })
  ],
  [
    "a label of a Namespace",
    made("Namespace", {}, { labels: { team: "a" } }, ""),
    made("Namespace", {}, { labels: {} }, "")
  ],
  [
    "an annotation of an Ingress",
    made("Ingress", { spec: {} }, { annotations: { "nginx.ingress.kubernetes.io/rewrite-target": "/" } }),
    made("Ingress", { spec: {} }, { annotations: { "nginx.ingress.kubernetes.io/rewrite-target": "/x" } })
  ],
  [
    "the taints of a Node",
    made("Node", { spec: {}, ...ready() }, {}, ""),
    made("Node", { spec: { taints: [{ key: "a", effect: "NoExecute" }] }, ...ready() }, {}, "")
  ],
  [
    "the rules of a Role",
    made("Role", { rules: [{ verbs: ["get"], resources: ["pods"] }] }),
    made("Role", { rules: [] })
  ]
]

function env(...names: ReadonlyArray<string>) {
  return names.map((name) => ({ name, value: `value of ${name}` }))
}

function ready() {
  return { status: { conditions: [{ type: "Ready", status: "True" }] } }
}

describe("a change that is taken back", () => {
  it.each(pairs)("restores %s exactly, and its inverse restores the change", (_, before, now) => {
    const plan = accepted(recorded(before, now), now)
    const restored = after(now, plan.changes)
    assert.deepStrictEqual(restored, before)
    const { inverse } = plan
    assert.strictEqual(inverse._tag, "Exact")
    const undone = inverse._tag === "Exact" ? after(restored, inverse.changes) : undefined
    assert.deepStrictEqual(undone, now)
  })

  it("names the version that it was planned on, so the API server refuses it once the object has changed", () => {
    const [write] = accepted(recorded(config({ a: "1" }), config({ a: "2" })), config({ a: "2" })).changes
    assert.isTrue(write?._tag === "Patch" && write.patch[0]?.path === "/metadata/resourceVersion")
  })

  it("keeps what somebody else has changed about other fields since", () => {
    const change = recorded(config({ url: "a", mode: "fast" }), config({ url: "b", mode: "fast" }))
    const now = config({ url: "b", mode: "slow", added: "later" })
    assert.deepStrictEqual(
      after(now, accepted(change, now).changes),
      config({ url: "a", mode: "slow", added: "later" })
    )
  })

  it("keeps a key that somebody has added to a map that the change added", () => {
    const with_ = (nodeSelector: object) => deployment({ template: template("app:3", { nodeSelector }) })
    const change = recorded(deployment(), with_({ disk: "ssd" }))
    const now = with_({ disk: "ssd", zone: "a" })
    assert.deepStrictEqual(after(now, accepted(change, now).changes), with_({ zone: "a" }))
  })

  it("finds a container by its name, although somebody has put another one before it", () => {
    const of = (...images: ReadonlyArray<readonly [string, string]>) =>
      deployment({ template: template("x", { containers: images.map(([name, image]) => ({ name, image })) }) })
    const change = recorded(of(["app", "app:1"]), of(["app", "app:2"]))
    const now = of(["mesh", "mesh:1"], ["app", "app:2"])
    assert.deepStrictEqual(after(now, accepted(change, now).changes), of(["mesh", "mesh:1"], ["app", "app:1"]))
  })

  it("is refused where the field has another value by now, with the difference", () => {
    const change = recorded(deployment({ replicas: 3 }), deployment({ replicas: 0 }))
    const result = planBack(change, deployment({ replicas: 1 }))
    assert.isTrue(result._tag === "PlanRefusal" && result.rule === "changed-since-change")
    assert.include(
      result._tag === "PlanRefusal" ? result.message : "",
      "spec.replicas is 1 now, and the change made it 0"
    )
  })

  it("is refused where somebody has put a part of it back", () => {
    const change = recorded(config({ a: "1", b: "1" }), config({ a: "2", b: "2" }))
    assert.deepStrictEqual(rulesOf(change, config({ a: "1", b: "2" })), ["refused changed-since-change"])
  })

  it("writes nothing where somebody has put all of it back", () => {
    const change = recorded(config({ a: "1" }), config({ a: "2" }))
    assert.deepStrictEqual(accepted(change, config({ a: "1" })).changes, [])
  })

  it("is refused on another object of the same name", () => {
    const change = recorded(config({ a: "1" }), config({ a: "2" }), { uid: "another" })
    assert.deepStrictEqual(rulesOf(change, config({ a: "2" })), ["refused changed-since-change"])
  })
})

describe("a change of the owners of an object", () => {
  it.each([
    ["that were taken away", [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "gone" }], undefined],
    ["that were added", undefined, [{ apiVersion: "v1", kind: "ConfigMap", name: "new", uid: "new" }]]
  ])("%s is never taken back, also not together with another field", (_claim, before, after) => {
    const owned = (replicas: number, ownerReferences: object | undefined) => {
      const object = deployment({ replicas })
      return {
        ...object,
        metadata: { ...object.metadata, ...(ownerReferences === undefined ? {} : { ownerReferences }) }
      }
    }
    const now = owned(0, after) as KubernetesObject
    assert.deepStrictEqual(rulesOf(recorded(owned(3, before) as KubernetesObject, now), now), [
      "refused not-restorable"
    ])
  })
})

describe("an object that was deleted", () => {
  const service = made(
    "Service",
    {
      spec: {
        selector: { app: "x" },
        clusterIP: "10.0.0.7",
        clusterIPs: ["10.0.0.7"],
        type: "NodePort",
        ports: [{ port: 80, nodePort: 30080 }]
      },
      status: { loadBalancer: {} }
    },
    {
      labels: { app: "x" },
      generation: 4,
      creationTimestamp: "2026-11-24T09:00:00Z",
      finalizers: ["service.kubernetes.io/load-balancer-cleanup"],
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "gone" }]
    }
  )
  const manifestOf = (plan: ReturnType<typeof accepted>) => {
    const [create] = plan.changes
    return create?._tag === "Create" ? (create.manifest as unknown as KubernetesObject) : undefined
  }

  it("is created again without what the cluster assigned, and its inverse removes what we created", () => {
    const plan = accepted(recorded(service, undefined), undefined)
    const manifest = manifestOf(plan)
    assert.deepStrictEqual(after(manifest!, []), {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "x", namespace: "shop", labels: { app: "x" } },
      spec: { selector: { app: "x" }, type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] }
    } as unknown as KubernetesObject)
    assert.strictEqual(manifest?.metadata.annotations?.["kubernaut.dev/execution"], "r1-1")
    assert.deepStrictEqual(plan.inverse, {
      _tag: "Exact",
      changes: [],
      removesCreated: [{ namespace: "shop", kind: "Service", name: "x" }]
    })
  })

  it("gets its node port only if no other Service has it", () => {
    const other = made("Service", { spec: { ports: [{ port: 1, nodePort: 30080 }] } }, { name: "other" })
    const plan = accepted(recorded(service, undefined), undefined, { related: [other] })
    assert.deepStrictEqual(valueAt(manifestOf(plan), ["spec", "ports"]), [{ port: 80 }])
  })

  it("is no autoscaler of a workload that another one scales now", () => {
    const scaling = (name: string, workload: string) =>
      made(
        "HorizontalPodAutoscaler",
        { spec: { maxReplicas: 5, scaleTargetRef: { kind: "Deployment", name: workload } } },
        { name }
      )
    const deleted = recorded(scaling("web", "web"), undefined)
    const rules = (...related: ReadonlyArray<KubernetesObject>) => rulesOf(deleted, undefined, { related })
    assert.deepStrictEqual(rules(scaling("web-v2", "web")), ["refused autoscaler-owned"])
    assert.deepStrictEqual(rules(scaling("other", "other")), [])
    assert.deepStrictEqual(rules(), [])
  })

  it("stays headless", () => {
    const headless = made("Service", { spec: { clusterIP: "None", clusterIPs: ["None"], selector: { app: "x" } } })
    const spec = manifestOf(accepted(recorded(headless, undefined), undefined))?.["spec"]
    assert.deepStrictEqual(spec, { clusterIP: "None", selector: { app: "x" } })
  })

  it("keeps an owner that exists", () => {
    const owner = made("ConfigMap", {}, { name: "gone", uid: "gone" })
    const plan = accepted(recorded(service, undefined), undefined, { related: [owner] })
    assert.strictEqual(manifestOf(plan)?.metadata.ownerReferences?.length, 1)
  })

  it("is not created where something of its name exists", () => {
    assert.deepStrictEqual(rulesOf(recorded(service, undefined), made("Service", {}, { uid: "new" })), [
      "refused exists-already"
    ])
  })

  it("is not created where it was not recorded", () => {
    const { manifest: _lost, ...change } = recorded(service, undefined)
    assert.deepStrictEqual(rulesOf(change, undefined), ["refused no-manifest"])
  })

  it.each(["PersistentVolumeClaim", "Namespace", "Node"])("is never created if it is a %s", (kind) => {
    assert.deepStrictEqual(rulesOf(recorded(made(kind, {}), undefined), undefined), ["refused not-restorable"])
  })
})

describe("an object that was added", () => {
  const policy = made("NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress"] } })

  it("is removed by uid after an approval, and its manifest is kept", () => {
    const plan = accepted(recorded(undefined, policy), policy)
    assert.deepStrictEqual(plan.changes, [removal(policy)])
    assert.deepStrictEqual(
      plan.asks.map(({ figures, rule }) => [rule, figures]),
      [["removes-object", { object: "NetworkPolicy shop/x" }]]
    )
    const { inverse } = plan
    const [create] = inverse._tag === "Partial" ? inverse.changes : []
    assert.deepStrictEqual(create, {
      _tag: "Create",
      ref: { namespace: "shop", kind: "NetworkPolicy", name: "x" },
      manifest: {
        apiVersion: "v1",
        kind: "NetworkPolicy",
        metadata: { name: "x", namespace: "shop" },
        spec: { podSelector: {}, policyTypes: ["Ingress"] }
      }
    })
  })

  it("is removed unasked where a setting allows its kind, and no other kind is", () => {
    const allowed = { removableKinds: ["NetworkPolicy"] }
    assert.deepStrictEqual(rulesOf(recorded(undefined, policy), policy, {}, allowed), [])
    const quota = made("ResourceQuota", { spec: { hard: { pods: "0" } } })
    assert.deepStrictEqual(rulesOf(recorded(undefined, quota), quota, {}, allowed), ["removes-object"])
  })

  it("is not removed once somebody has changed it", () => {
    const now = made("NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } })
    assert.deepStrictEqual(rulesOf(recorded(undefined, policy), now), ["refused changed-since-change"])
  })

  it("is not removed where another object has its name", () => {
    const now = made("NetworkPolicy", { spec: policy["spec"] }, { uid: "new" })
    assert.deepStrictEqual(rulesOf(recorded(undefined, policy), now), ["refused changed-since-change"])
  })

  it("needs no removal once it is gone", () => {
    assert.deepStrictEqual(accepted(recorded(undefined, policy), undefined).changes, [])
  })
})

describe("a change is refused", () => {
  const [before, now] = [selecting("x"), selecting("y")]
  const marked = (labels: object, annotations: object = {}) => ({
    ...now,
    metadata: { ...now.metadata, labels, annotations } as KubernetesObject["metadata"]
  })

  it("that no journal knows", () => {
    assert.deepStrictEqual(rulesOf(undefined, config({})), ["refused no-such-change"])
  })

  it("that Kubernaut made itself: the undo of an undo", () => {
    assert.deepStrictEqual(rulesOf(recorded(before, now, { by: { kind: "kubernaut" } }), now), ["refused own-change"])
  })

  it("that a GitOps controller made", () => {
    const by = { kind: "gitops", name: "argocd-controller" } as const
    assert.deepStrictEqual(rulesOf(recorded(before, now, { by }), now), ["refused gitops-owned"])
  })

  it.each([
    ["the Argo CD application payments", {}, { "argocd.argoproj.io/tracking-id": "payments:/Service:shop/x" }],
    ["the Argo CD application payments", { "argocd.argoproj.io/instance": "payments" }, {}],
    [
      "the Flux kustomization flux-system/shop",
      { "kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" },
      {}
    ],
    [
      "the Flux HelmRelease apps/shop",
      { "helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps" },
      {}
    ],
    ["the Fleet bundle shop", { "fleet.cattle.io/bundle-id": "shop" }, {}],
    ["It has applied 3f2a91c.", { "argocd.argoproj.io/instance": "p" }, { "ci.example.com/git-commit": "3f2a91c" }]
  ])("of an object that GitOps owns, and names %s", (named, labels, annotations) => {
    const result = planBack(recorded(before, now), marked(labels, annotations))
    assert.isTrue(result._tag === "PlanRefusal" && result.rule === "gitops-owned")
    assert.include(result._tag === "PlanRefusal" ? result.message : "", named)
  })

  it("of an object that GitOps owned, and that was deleted", () => {
    assert.deepStrictEqual(rulesOf(recorded(marked({ "argocd.argoproj.io/instance": "p" }), undefined), undefined), [
      "refused gitops-owned"
    ])
  })

  it("of a Secret", () => {
    const secret = made("Secret", {})
    assert.deepStrictEqual(rulesOf(recorded(secret, secret), secret), ["refused wrong-kind"])
  })

  it("of the size of a volume", () => {
    const claim = (storage: string) => made("PersistentVolumeClaim", { spec: { resources: { requests: { storage } } } })
    assert.deepStrictEqual(rulesOf(recorded(claim("1Gi"), claim("2Gi")), claim("2Gi")), ["refused irreversible"])
    const ending = made("Service", { spec: {} }, { deletionTimestamp: "2026-11-24T10:00:00Z" })
    const gone = recorded(made("Service", { spec: {} }), ending)
    assert.deepStrictEqual(rulesOf(gone, ending), ["refused being-deleted"])
  })

  it.each([
    ["Service", { spec: { clusterIP: "10.0.0.1" } }, { spec: { clusterIP: "10.0.0.2" } }],
    ["PriorityClass", { value: 1 }, { value: 2 }],
    ["RoleBinding", { roleRef: { name: "a" } }, { roleRef: { name: "b" } }],
    ["ConfigMap", { immutable: true, data: { a: "1" } }, { immutable: true, data: { a: "2" } }]
  ])("of a field of a %s that the API server never changes", (kind, old, next) => {
    assert.deepStrictEqual(rulesOf(recorded(made(kind, old), made(kind, next)), made(kind, next)), [
      "refused immutable-field"
    ])
  })

  it("of a count that an autoscaler sets, unless it is at zero, where the autoscaler is off", () => {
    const autoscaler = made("HorizontalPodAutoscaler", {
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "checkout" }, maxReplicas: 5 }
    })
    const of = (replicas: number) => ({ ...deployment({ replicas }), apiVersion: "apps/v1" })
    const related = { related: [autoscaler] }
    assert.deepStrictEqual(rulesOf(recorded(of(3), of(2)), of(2), related), ["refused autoscaler-owned"])
    assert.deepStrictEqual(rulesOf(recorded(of(3), of(0)), of(0), related), [])
  })

  it("whose object is gone, or is being deleted", () => {
    assert.deepStrictEqual(rulesOf(recorded(before, now), undefined), ["refused not-found"])
    const leaving = { ...now, metadata: { ...now.metadata, deletionTimestamp: "2026-11-24T10:00:00Z" } }
    assert.deepStrictEqual(rulesOf(recorded(before, now), leaving), ["refused being-deleted"])
  })

  it("in a namespace that is being deleted", () => {
    const namespace = made("Namespace", { status: { phase: "Terminating" } }, { name: "shop" }, "")
    assert.deepStrictEqual(rulesOf(recorded(before, now), now, { related: [namespace] }), [
      "refused namespace-terminating"
    ])
  })

  it("that is one of another object than the action names", () => {
    const change = recorded(before, now)
    const elsewhere = { namespace: "shop", kind: "Service", name: "y" }
    const result = plan(
      { type: "RestoreObject", target: elsewhere, change: changeId },
      { subject: now, related: [], change },
      context({})
    )
    assert.isTrue(result._tag === "PlanRefusal" && result.rule === "other-object")
  })
})
