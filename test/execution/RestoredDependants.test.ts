import { assert, describe, it } from "@effect/vitest"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, template } from "./objects.ts"
import { followed, made, planBack, recorded, rulesOf } from "./restoring.ts"

const refused = ["refused not-restorable"]
const config = (data: object) => made("ConfigMap", { data })
const worker = (spec: object, metadata: object = {}) =>
  ({ ...deployment(spec), metadata: { ...deployment().metadata, name: "worker", ...metadata } }) as KubernetesObject
const reading = (container: object, spec: object = {}) => ({
  template: template("app:3", { containers: [{ name: "app", ...container }], ...spec })
})
const fromKey = (key: string, more: object = {}) =>
  reading({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "x", key, ...more } } }] })
const fromAll = reading({ envFrom: [{ configMapRef: { name: "x" } }] })
const target = deployment(fromAll)

describe("a key that a change has added", () => {
  const change = recorded(config({ host: "a" }), config({ host: "b", queue: "c" }))
  const rules = (...related: ReadonlyArray<KubernetesObject>) =>
    rulesOf(change, config({ host: "b", queue: "c" }), { target, related })

  it("is not taken away from another workload that does not start without it", () => {
    assert.deepStrictEqual(rules(worker(fromKey("queue"))), refused)
    const cron = made("CronJob", { spec: { jobTemplate: { spec: fromKey("queue") } } }, { name: "nightly" })
    assert.deepStrictEqual(rules(cron), refused)
    const volume = reading({}, { volumes: [{ name: "a", configMap: { name: "x", items: [{ key: "queue" }] } }] })
    assert.deepStrictEqual(rules(worker(volume)), refused)
  })

  it("is not taken away together with the whole content either", () => {
    const all = recorded(made("ConfigMap", {}), config({ queue: "c" }))
    const related = [worker(fromKey("queue"))]
    assert.deepStrictEqual(rulesOf(all, config({ queue: "c" }), { target, related }), refused)
  })

  it("is taken away where nobody needs it", () => {
    assert.deepStrictEqual(rules(worker(fromKey("host"))), [])
    assert.deepStrictEqual(rules(worker(fromKey("queue", { optional: true }))), [])
    assert.deepStrictEqual(rules(worker(fromAll)), [])
    assert.deepStrictEqual(rules(), [])
  })
})

describe("a file or a variable that a change has added", () => {
  const [before, now] = [config({ "api.yaml": "a" }), config({ "api.yaml": "b", "worker.yaml": "c", MODE: "d" })]
  const change = recorded(before, now)
  const volumes = [{ name: "cfg", configMap: { name: "x" } }]
  const mounting = (container: object, mount: object = {}) =>
    worker(reading({ volumeMounts: [{ name: "cfg", mountPath: "/etc/cfg", ...mount }], ...container }, { volumes }))
  const released = (was: KubernetesObject, is: KubernetesObject, of = change) =>
    rulesOf(of, now, { target, related: [is], later: [followed(was, is)] })
  const beside = (other: KubernetesObject) => rulesOf(change, now, { target, related: [other] })
  const asks = ["relied-on"]
  const elsewhere = { mountPath: "/etc/api.yaml", subPath: "api.yaml" }

  it("makes an undo ask where another workload names it since, as an argument or the file of a mount", () => {
    const named = (file: string) => mounting({ args: [`--config=/etc/cfg/${file}`] }, elsewhere)
    assert.deepStrictEqual(released(named("api.yaml"), named("worker.yaml")), asks)
    const mounted = (subPath: string) => mounting({}, { subPath })
    assert.deepStrictEqual(released(mounted("api.yaml"), mounted("worker.yaml")), asks)
    const optional = (key: string) => worker(fromKey(key, { optional: true }))
    assert.deepStrictEqual(released(optional("api.yaml"), optional("MODE")), asks)
  })

  it("makes an undo ask where another workload has named it since before it was added", () => {
    assert.deepStrictEqual(beside(mounting({ command: ["run", "/etc/cfg/worker.yaml"] })), asks)
    assert.deepStrictEqual(beside(mounting({}, { subPath: "worker.yaml" })), asks)
    assert.deepStrictEqual(beside(worker(reading({ ...fromAll.template.spec.containers[0], args: ["$(MODE)"] }))), asks)
    const result = planBack(change, now, { target, related: [mounting({}, { subPath: "worker.yaml" })] })
    const [first] = result._tag === "Plan" ? result.asks : []
    assert.include(first?.message ?? "", "Deployment shop/worker (names its key worker.yaml) may rely on ConfigMap")
  })

  it("makes an undo ask where another workload that gets all of the ConfigMap was released since", () => {
    const variables = (image: string) => worker(reading({ image, envFrom: [{ configMapRef: { name: "x" } }] }))
    assert.deepStrictEqual(released(variables("x:1"), variables("x:2")), asks)
    const files = (image: string) => mounting({ image })
    assert.deepStrictEqual(released(files("x:1"), files("x:2")), asks)
    const all = recorded(made("ConfigMap", {}), now)
    assert.deepStrictEqual(released(variables("x:1"), variables("x:2"), all), asks)
  })

  it("is taken away from a workload that names other files, or takes a part of the ConfigMap", () => {
    assert.deepStrictEqual(beside(mounting({ args: ["/etc/cfg/other-worker.yaml"] })), [])
    assert.deepStrictEqual(beside(mounting({})), [])
    const part = (image: string) => mounting({ image }, elsewhere)
    assert.deepStrictEqual(released(part("x:1"), part("x:2")), [])
    const unrelated = (arg: string) => worker(reading({ args: [arg] }))
    assert.deepStrictEqual(released(unrelated("api.yaml"), unrelated("worker.yaml")), [])
  })

  it("is taken away from a workload that was only restarted or scaled since, and from a plain word", () => {
    const sized = (replicas: number) => worker({ ...fromAll, replicas })
    assert.deepStrictEqual(released(sized(1), sized(2)), [])
    const { template: plain } = fromAll
    const annotations = { "kubectl.kubernetes.io/restartedAt": "now" }
    const restarted = worker({ template: { ...plain, metadata: { ...plain.metadata, annotations } } })
    assert.deepStrictEqual(released(worker(fromAll), restarted), [])
    const word = recorded(config({ host: "a" }), config({ host: "a", queue: "b" }))
    const saying = worker(reading({ ...fromAll.template.spec.containers[0], args: ["queue"] }))
    assert.deepStrictEqual(rulesOf(word, config({ host: "a", queue: "b" }), { target, related: [saying] }), [])
  })
})

const policy = (ports: ReadonlyArray<object>) =>
  made("NetworkPolicy", { spec: { podSelector: { matchLabels: { app: "checkout" } }, ingress: [{ ports }] } })
const service = (port: number) => made("Service", { spec: { ports: [{ port }] } })
const role = (...verbs: ReadonlyArray<string>) => made("Role", { rules: [{ verbs }] })
const binding = made("RoleBinding", { roleRef: { kind: "Role", name: "x" } }, { name: "worker" })
const ingress = made(
  "Ingress",
  { spec: { defaultBackend: { service: { name: "x", port: { number: 81 } } } } },
  { name: "worker" }
)

const rows: ReadonlyArray<readonly [string, KubernetesObject, KubernetesObject, KubernetesObject]> = [
  ["reads a ConfigMap", config({ host: "a" }), config({ host: "b" }), worker(fromAll)],
  ["reads an optional key", config({ host: "a" }), config({ host: "b" }), worker(fromKey("host", { optional: true }))],
  [
    "runs as a ServiceAccount",
    made("ServiceAccount", {}),
    made("ServiceAccount", { imagePullSecrets: [{ name: "a" }] }),
    worker(reading({}, { serviceAccountName: "x" }))
  ],
  ["calls a Service", service(80), service(81), worker(reading({ env: [{ name: "URL", value: "http://x:81" }] }))],
  ["routes to a Service", service(80), service(81), ingress],
  ["is restricted by a policy", policy([]), policy([{ port: 80 }]), worker(reading({}))],
  ["is granted a Role", role("get"), role("get", "list"), binding]
]

describe("another object that", () => {
  it.each(rows)("%s, and was created after the change, makes it ask", (_, before, now, other) => {
    const change = recorded(before, now)
    const rules = (later: ReadonlyArray<ObjectChange>, related = [other]) => rulesOf(change, now, { related, later })
    assert.include(rules([followed(undefined, other)]), "relied-on")
    assert.notInclude(rules([]), "relied-on")
    assert.notInclude(rules([followed(undefined, other)], []), "relied-on")
  })

  describe("reads a ConfigMap", () => {
    const change = recorded(config({ host: "a" }), config({ host: "b" }))
    const rules = (now: KubernetesObject, before: KubernetesObject, more: Partial<ObjectChange> = {}) =>
      rulesOf(change, config({ host: "b" }), { target, related: [now], later: [followed(before, now, more)] })

    it("and was given another template after the change makes it ask, with its name", () => {
      const before = worker(reading({ image: "worker:1" }))
      assert.deepStrictEqual(rules(worker(fromAll), before), ["relied-on"])
      const result = planBack(change, config({ host: "b" }), {
        target,
        related: [worker(fromAll)],
        later: [followed(before, worker(fromAll))]
      })
      assert.strictEqual(result._tag === "Plan" && result.asks[0]?.figures?.["others"], "Deployment shop/worker")
    })

    it("and was only restarted, scaled or labelled since does not", () => {
      const restarted = {
        template: {
          ...fromAll.template,
          metadata: { ...fromAll.template.metadata, annotations: { "kubectl.kubernetes.io/restartedAt": "now" } }
        }
      }
      assert.deepStrictEqual(rules(worker(restarted), worker(fromAll)), [])
      assert.deepStrictEqual(rules(worker({ ...fromAll, replicas: 9 }), worker({ ...fromAll, replicas: 1 })), [])
      assert.deepStrictEqual(rules(worker(fromAll, { labels: { a: "b" } }), worker(fromAll)), [])
    })

    it("and was given another image since does not: it read the object before", () => {
      const released = (image: string) => worker(reading({ image, envFrom: [{ configMapRef: { name: "x" } }] }))
      assert.deepStrictEqual(rules(released("x:2"), released("x:1")), [])
    })

    it("and reads another key of it since makes it ask", () => {
      assert.deepStrictEqual(rules(worker(fromKey("host")), worker(fromKey("port"))), ["relied-on"])
      const other = { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "y", key: "a" } } }] }
      const both = (key: string) =>
        worker(
          reading({
            envFrom: [{ configMapRef: { name: "x" } }],
            env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "y", key } } }]
          })
        )
      assert.deepStrictEqual(rules(both("b"), both("a")), [])
      assert.deepStrictEqual(rules(worker(fromAll), worker(reading(other))), ["relied-on"])
    })

    it("and is the target of the alert, or what a controller makes, does not", () => {
      assert.deepStrictEqual(rules(target, deployment()), [])
      const owner = { apiVersion: "batch/v1", kind: "CronJob", name: "nightly", uid: "n", controller: true }
      assert.deepStrictEqual(rules(worker(fromAll, { ownerReferences: [owner] }), worker({})), [])
    })
  })

  it("is restricted by a policy asks since it has a port, or labels, that the change is about", () => {
    const [before, now] = [policy([{ port: 8080 }]), policy([{ port: 9090 }])]
    const rules = (was: KubernetesObject, is: KubernetesObject) =>
      rulesOf(recorded(before, now), now, { related: [is], later: [followed(was, is)] })
    const listening = (containerPort: number) => worker(reading({ ports: [{ name: "http", containerPort }] }))
    const env = (value: string) => worker(reading({ env: [{ name: "PORT", value }] }))
    const labelled = (labels: object) => worker({ template: template("app:3", {}, labels as never) })
    assert.include(rules(listening(8080), listening(9090)), "relied-on")
    assert.include(rules(env("8080"), env("9090")), "relied-on")
    assert.include(rules(labelled({ a: "b" }), labelled({ a: "c" })), "relied-on")
    assert.notInclude(rules(listening(7070), listening(7071)), "relied-on")
    assert.notInclude(rules(worker(reading({ image: "a:1" })), worker(reading({ image: "a:2" }))), "relied-on")
  })

  it("calls a Service asks since it names its port, and not in a new release", () => {
    const calling = (value: string, image = "a:1") => worker(reading({ image, env: [{ name: "URL", value }] }))
    const rules = (was: KubernetesObject, is: KubernetesObject) =>
      rulesOf(recorded(service(80), service(81)), service(81), { related: [is], later: [followed(was, is)] })
    assert.deepStrictEqual(rules(calling("http://x:80"), calling("http://x:81")), ["relied-on"])
    assert.deepStrictEqual(rules(calling("http://x:80"), calling("http://x:80", "x:2")), [])
  })
})

describe("an object that was added", () => {
  it.each([
    ["ConfigMap", worker(fromAll)],
    ["ServiceAccount", worker(reading({}, { serviceAccountName: "x" }))],
    ["Service", ingress]
  ])("such as a %s is not removed from what cannot do without it", (kind, other) => {
    const added = made(kind, {})
    const rules = (...related: ReadonlyArray<KubernetesObject>) =>
      rulesOf(recorded(undefined, added), added, { related }, { removableKinds: [kind] })
    assert.deepStrictEqual(rules(other), refused)
    assert.deepStrictEqual(rules(worker({})), [])
  })
})
