import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { accepted, made, recorded, rulesOf } from "./restoring.ts"

const policy = (spec: object) => made("NetworkPolicy", { spec: { podSelector: {}, ...spec } })
const balancer = (...ranges: ReadonlyArray<string>) =>
  made("Service", {
    spec: { type: "LoadBalancer", ...(ranges.length === 0 ? {} : { loadBalancerSourceRanges: ranges }) }
  })
const nginx = "nginx.ingress.kubernetes.io"
const admitted = "nginx.ingress.kubernetes.io/whitelist-source-range"
const ingress = (annotation: string) => made("Ingress", { spec: {} }, { annotations: { [annotation]: "10.0.0.0/8" } })
const namespace = (level: string) =>
  made("Namespace", {}, { labels: { "pod-security.kubernetes.io/enforce": level } }, "")
const autoscaler = (minReplicas: number, maxReplicas: number) =>
  made("HorizontalPodAutoscaler", { spec: { minReplicas, maxReplicas, scaleTargetRef: {} } })
const node = (spec: object, ready = "True") =>
  made("Node", { spec, status: { conditions: [{ type: "Ready", status: ready }] } }, {}, "")
const quota = (pods: string) => made("ResourceQuota", { spec: { hard: { pods } } })
const role = (kind: string, verbs: ReadonlyArray<string>, place = "shop") =>
  made(kind, { rules: verbs.map((verb) => ({ verbs: [verb], resources: ["pods"] })) }, {}, place)
const taint = { key: "maintenance", effect: "NoSchedule" }
const limited = (memory: string) =>
  deployment({ template: template("app:3", { containers: [{ name: "app", resources: { limits: { memory } } }] }) })

type Row = readonly [claim: string, asks: ReadonlyArray<string>, before: KubernetesObject, now: KubernetesObject]

const rows: ReadonlyArray<Row> = [
  ["scaling to zero", ["lowers-replicas"], deployment({ replicas: 0 }), deployment({ replicas: 3 })],
  ["fewer replicas", ["lowers-replicas"], deployment({ replicas: 2 }), deployment({ replicas: 9 })],
  ["more replicas, however many", [], deployment({ replicas: 40 }), deployment({ replicas: 0 })],
  ["a lower minimum", ["lowers-minimum"], autoscaler(1, 9), autoscaler(5, 9)],
  ["a lower maximum", ["lowers-maximum"], autoscaler(1, 5), autoscaler(1, 9)],
  ["a higher maximum", [], autoscaler(1, 50), autoscaler(1, 1)],
  ["a lower limit", ["lowers-resources"], limited("128Mi"), limited("1Gi")],
  ["a higher limit", [], limited("1Gi"), limited("8Mi")],
  ["a lower quota", ["lowers-resources"], quota("3"), quota("9")],
  ["a higher quota", [], quota("9"), quota("0")],
  ["a lower line of a LimitRange", ["lowers-resources"], range("128Mi"), range("1Gi")],
  ["a higher line of a LimitRange", [], range("1Gi"), range("128Mi")],
  ["more rights", ["widens-rights"], role("Role", ["get", "list"]), role("Role", ["get"])],
  ["fewer rights", [], role("Role", ["get"]), role("Role", ["get", "list"])],
  ["a further subject", ["widens-rights"], binding("ann", "bob"), binding("ann")],
  ["a subject of another namespace", ["widens-rights"], serving("kube-system"), serving("shop")],
  ["the first subject", ["widens-rights"], binding("ann"), made("RoleBinding", {})],
  ["fewer subjects", [], binding("ann"), binding("ann", "bob")],
  ["no subject", [], made("RoleBinding", {}), binding("ann")],
  ["any ClusterRole", ["cluster-wide"], role("ClusterRole", ["get"], ""), role("ClusterRole", ["get", "list"], "")],
  [
    "a direction that is no longer isolated",
    ["opens-network"],
    policy({ policyTypes: ["Ingress"] }),
    policy({ policyTypes: ["Ingress", "Egress"] })
  ],
  ["all traffic", ["opens-network"], policy({ ingress: [{}] }), policy({ ingress: [] })],
  ["all addresses", ["opens-network"], policy({ ingress: addresses("0.0.0.0/0") }), policy({ ingress: [] })],
  ["all addresses of IPv6", ["opens-network"], policy({ egress: addresses("::/0") }), policy({ egress: [] })],
  ["the addresses of one network", [], policy({ ingress: addresses("10.0.0.0/8") }), policy({ ingress: [] })],
  ["the traffic of one peer", [], policy({ ingress: [{ from: [{ podSelector: {} }] }] }), policy({ ingress: [] })],
  ["every address of a Service", ["opens-network"], balancer(), balancer("10.0.0.0/8")],
  ["another address of a Service", ["opens-network"], balancer("10.0.0.0/8", "1.0.0.0/8"), balancer("10.0.0.0/8")],
  ["fewer addresses of a Service", [], balancer("10.0.0.0/8"), balancer("10.0.0.0/8", "1.0.0.0/8")],
  ["a Service that admitted fewer addresses", [], balancer("10.0.0.0/8"), balancer()],
  ["every address of an Ingress", ["opens-network"], ingress("other"), ingress(admitted)],
  [
    "an address that an Ingress denies",
    [],
    ingress("other"),
    ingress("nginx.ingress.kubernetes.io/denylist-source-range")
  ],
  ["fewer pods of a policy", ["opens-network"], policy({ podSelector: { matchLabels: { app: "a" } } }), policy({})],
  [
    "other pods of a policy",
    ["opens-network"],
    policy({ podSelector: { matchLabels: { app: "a" } } }),
    policy({ podSelector: { matchLabels: { app: "b" } } })
  ],
  ["all pods of a policy", [], policy({}), policy({ podSelector: { matchLabels: { app: "a" } } })],
  ["a Service outside of the cluster", ["opens-network"], balancer(), made("Service", { spec: { type: "ClusterIP" } })],
  ["a Service inside of the cluster", [], made("Service", { spec: { type: "ClusterIP" } }), balancer()],
  ["an exempting label", ["weakens-isolation"], labelled({ "admission.example/ignore": "true" }), labelled({ a: "b" })],
  ["mesh injection that is off", ["weakens-isolation"], labelled({ inject: "disabled" }), labelled({ inject: "on" })],
  ["a label that selects it", [], labelled({ team: "shop" }), labelled({ team: "other" })],
  [
    "a token of the API server",
    ["weakens-isolation"],
    made("ServiceAccount", {}),
    made("ServiceAccount", { automountServiceAccountToken: false })
  ],
  ["no token of the API server", [], made("ServiceAccount", { automountServiceAccountToken: false }), account()],
  ["privileged containers", ["weakens-isolation"], secured({ privileged: true }), secured({ privileged: false })],
  ["a container of any user", [], secured({}), secured({ runAsNonRoot: true })],
  ["a lower pod security level", ["lowers-pod-security"], namespace("baseline"), namespace("restricted")],
  ["a higher pod security level", [], namespace("restricted"), namespace("privileged")],
  ["an uncordoned node that works", [], node({}), node({ unschedulable: true })],
  ["a node that works without its taint", [], node({}), node({ taints: [taint] })],
  [
    "a node without its taint that is not ready",
    ["node-not-ready"],
    node({}, "False"),
    node({ taints: [taint] }, "False")
  ],
  ["a cordoned node", ["evicts-pods"], node({ unschedulable: true }), node({})],
  ["a tainted node", ["evicts-pods"], node({ taints: [taint] }), node({})],
  ["the default priority", ["cluster-wide"], priority("a"), priority("b")],
  ["the default priority again", ["cluster-wide"], priority("a"), priority("a", false)],
  ["the default priority no longer", ["cluster-wide"], priority("a", false), priority("a")],
  ["a priority that is not the default", [], priority("a", false), priority("b", false)],
  ["a webhook", ["cluster-wide"], webhook("Ignore"), webhook("Fail")],
  ["a privileged container of a CronJob", ["weakens-isolation"], job({ privileged: true }), job({ privileged: false })],
  ["a container of a CronJob that is locked down", [], job({ privileged: false }), job({ privileged: true })],
  [
    "a privileged container of an operator's own workload",
    ["weakens-isolation"],
    made("Rollout", { spec: { template: pods({ privileged: true }) } }),
    made("Rollout", { spec: { template: pods({}) } })
  ],
  ["an Ingress without a login", ["opens-network"], annotated("Ingress"), annotated("Ingress", `${nginx}/auth-url`)],
  ["an Ingress without a rewrite", [], annotated("Ingress"), annotated("Ingress", `${nginx}/rewrite-target`)],
  [
    "a load balancer outside of the network",
    ["opens-network"],
    annotated("Service"),
    annotated("Service", "service.beta.kubernetes.io/aws-load-balancer-internal")
  ],
  ["a namespace without a check", ["weakens-isolation"], labelled({}), labelled({ "policy.example/validate": "on" })],
  ["a namespace without a mesh", ["weakens-isolation"], labelled({}), labelled({ "istio-injection": "enabled" })],
  ["a namespace without another label", [], labelled({}), labelled({ team: "a" })]
]

function pods(securityContext: object) {
  return { spec: { containers: [{ name: "app", image: "app:1", securityContext }] } }
}

function job(securityContext: object) {
  return made("CronJob", { spec: { jobTemplate: { spec: { template: pods(securityContext) } } } })
}

function annotated(kind: string, ...names: ReadonlyArray<string>) {
  return made(kind, { spec: {} }, { annotations: Object.fromEntries(names.map((name) => [name, "true"])) })
}

function labelled(labels: object) {
  return made("Namespace", {}, { labels }, "")
}

function account() {
  return made("ServiceAccount", {})
}

function secured(securityContext: object) {
  return deployment({ template: template("app:3", { containers: [{ name: "app", securityContext }] }) })
}

function priority(description: string, globalDefault = true) {
  return made("PriorityClass", { globalDefault, description }, {}, "")
}

function binding(...names: ReadonlyArray<string>) {
  return made("RoleBinding", { subjects: names.map((name) => ({ kind: "User", name })) })
}

function serving(namespace: string) {
  return made("RoleBinding", { subjects: [{ kind: "ServiceAccount", name: "builder", namespace }] })
}

function addresses(cidr: string) {
  return [{ from: [{ ipBlock: { cidr: "10.1.0.0/16" } }, { ipBlock: { cidr } }] }]
}

function range(memory: string) {
  return made("LimitRange", { spec: { limits: [{ type: "Pod" }, { type: "Container", max: { memory } }] } })
}

function webhook(failurePolicy: string) {
  return made("ValidatingWebhookConfiguration", { webhooks: [{ name: "a", failurePolicy }] }, {}, "")
}

describe("a restoration to", () => {
  it.each(rows)("%s asks %j", (_, asks, before, now) => {
    assert.deepStrictEqual(rulesOf(recorded(before, now), now), asks)
  })

  it("a Role that was deleted asks", () => {
    assert.deepStrictEqual(rulesOf(recorded(role("Role", ["get"]), undefined), undefined), ["widens-rights"])
  })

  it("what a release of Helm or a controller has changed asks, and what a person has changed of it does not", () => {
    const [before, now] = [deployment({ replicas: 3 }), deployment({ replicas: 0 })]
    const by = (kind: "person" | "controller", name: string) => recorded(before, now, { by: { kind, name } })
    assert.deepStrictEqual(rulesOf(by("person", "helm"), now), ["managed-object"])
    assert.deepStrictEqual(rulesOf(by("controller", "some-controller"), now), ["managed-object"])
    assert.deepStrictEqual(rulesOf(by("person", "kubectl-edit"), now), [])
  })
})

describe("a restored ConfigMap", () => {
  const config = (url: string) => made("ConfigMap", { data: { url } })
  const change = recorded(config("a"), config("b"))
  const workload = (spec: object) =>
    deployment({ template: template("app:3", { containers: [{ name: "app", ...spec }], volumes }) })
  const volumes = [{ name: "files", configMap: { name: "x" } }]
  const pod = (state: object) => made("Pod", { spec: { containers: [] }, status: { containerStatuses: [{ state }] } })
  const fromEnv = workload({ envFrom: [{ configMapRef: { name: "x" } }] })
  const fromKey = workload({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "x", key: "url" } } }] })
  const fromPart = workload({ volumeMounts: [{ name: "files", subPath: "url", mountPath: "/url" }] })
  const fromFiles = workload({ volumeMounts: [{ name: "files", mountPath: "/etc/x" }] })
  const after = pod({ running: { startedAt: "2026-11-24T10:00:01Z" } })
  const before = pod({ running: { startedAt: "2026-11-24T09:59:59Z" } })
  const restarts = (target: KubernetesObject, ...pods: ReadonlyArray<KubernetesObject>) =>
    accepted(change, config("b"), { target, related: pods }).changes.length === 2

  it("restarts a target whose pods have started with the changed value, and puts both back in order", () => {
    for (const target of [fromEnv, fromKey, fromPart]) assert.isTrue(restarts(target, before, after))
    const { figures, inverse } = accepted(change, config("b"), { target: fromEnv, related: [after] })
    assert.strictEqual(figures["restarts"], "Deployment shop/checkout")
    const kinds = inverse._tag === "Exact" ? inverse.changes.map(({ ref }) => ref.kind) : []
    assert.deepStrictEqual(kinds, ["Deployment", "ConfigMap"])
  })

  it("asks before it restarts a target that a custom resource controls, and names the resource", () => {
    const reference = { apiVersion: "db.example/v1", kind: "Postgres", name: "orders", uid: "p", controller: true }
    const owned = (target: KubernetesObject, more: object) => ({
      ...target,
      metadata: { ...target.metadata, ownerReferences: [{ ...reference, ...more }] }
    })
    const rules = (target: KubernetesObject) => rulesOf(change, config("b"), { target, related: [after] })
    assert.deepStrictEqual(rules(owned(fromEnv, {})), ["managed-object"])
    assert.deepStrictEqual(rules(fromEnv), [])
    assert.deepStrictEqual(rules(owned(fromFiles, {})), [])
  })

  it("restarts a target that crash-loops", () => {
    assert.isTrue(restarts(fromEnv, pod({ waiting: { reason: "CrashLoopBackOff" } })))
  })

  it("restarts nothing that holds the earlier value, tries again by itself, or mounts the files", () => {
    assert.isFalse(restarts(fromEnv, before))
    assert.isFalse(restarts(fromEnv, pod({ waiting: { reason: "CreateContainerConfigError" } })))
    assert.isFalse(restarts(fromFiles, after))
    assert.isFalse(restarts(deployment(), after))
  })

  it("keeps a key that was added and without which the target does not start", () => {
    const added = recorded(made("ConfigMap", { data: {} }), config("a"))
    const file = [{ name: "files", configMap: { name: "x", items: [{ key: "url", path: "url" }] } }]
    const fromItem = deployment({ template: template("app:3", { volumes: file }) })
    const rules = (target: KubernetesObject) => rulesOf(added, config("a"), { target })
    assert.deepStrictEqual(rules(fromKey), ["refused not-restorable"])
    assert.deepStrictEqual(rules(fromItem), ["refused not-restorable"])
    assert.deepStrictEqual([fromEnv, fromFiles].flatMap(rules), [])
    assert.deepStrictEqual(rulesOf(change, config("b"), { target: fromKey }), [])
  })

  it("leaves a paused target alone, and says so", () => {
    const paused = { ...fromEnv, spec: { ...(fromEnv["spec"] as object), paused: true } } as KubernetesObject
    const plan = accepted(change, config("b"), { target: paused, related: [after] })
    assert.strictEqual(plan.changes.length, 1)
    assert.include(plan.note, "paused")
  })
})
