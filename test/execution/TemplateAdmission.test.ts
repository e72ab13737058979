import { assert, describe, it } from "@effect/vitest"
import type { Workload } from "../../src/execution/actions/RolloutStart.ts"
import { admissionOf, type PodDryRun, podOf } from "../../src/execution/TemplateAdmission.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind } from "../../src/kubernetes/ObjectModel.ts"
import { deployment, statefulSet, template } from "./objects.ts"

const withMemory = (memory: string, spec: object = {}): Workload =>
  deployment({
    template: template("app:3", { containers: [{ name: "app", resources: { limits: { memory } } }] }),
    ...spec
  }) as Workload

const quota = (hard: Readonly<Record<string, string>>, used?: Readonly<Record<string, string>>): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: "team", namespace: "shop", uid: "q", resourceVersion: "1" },
  spec: { hard },
  status: { hard, ...(used === undefined ? {} : { used }) }
})

const limitRange = (type: string, max: string): KubernetesObject => ({
  apiVersion: "v1",
  kind: "LimitRange",
  metadata: { name: "mem", namespace: "shop", uid: "l", resourceVersion: "1" },
  spec: { limits: [{ type, max: { memory: max } }] }
})

const judged = (
  refused: PodDryRun,
  related: ReadonlyArray<KubernetesObject> = [],
  { spec = {}, unread = [] }: { readonly spec?: object; readonly unread?: ReadonlyArray<Kind> } = {}
) => admissionOf(withMemory("256Mi", spec), withMemory("512Mi", spec), refused, { subject: undefined, related, unread })

const messageOf = (result: ReturnType<typeof judged>): string =>
  "_tag" in result
    ? `${result.rule}: ${result.message}`
    : result.map(({ message, rule }) => `${rule}? ${message}`).join()

const recreate = { spec: { strategy: { type: "Recreate" } } }
const byQuota: PodDryRun = { _tag: "QuotaExceeded", quota: "team" }

describe("new pods", () => {
  it("that the API server accepts, within every quota, are accepted", () => {
    assert.deepStrictEqual(judged(undefined, [quota({ "limits.memory": "2Gi" }, { "limits.memory": "768Mi" })]), [])
  })

  it("above the maximum of a LimitRange are refused by its name", () => {
    const result = messageOf(judged({ _tag: "QuotaExceeded" }, [limitRange("Container", "256Mi")]))
    assert.match(
      result,
      /^pods-refused: .*FailedCreate.*LimitRange mem allows at most 256Mi.*container app would have 512Mi/
    )
    assert.match(messageOf(judged({ _tag: "QuotaExceeded" }, [limitRange("Pod", "300Mi")])), /LimitRange mem.*per Pod/)
    assert.match(messageOf(judged({ _tag: "QuotaExceeded" })), /^pods-refused: .*a LimitRange/)
  })

  it("that a policy denies, or that are invalid, are refused", () => {
    assert.match(messageOf(judged({ _tag: "PolicyDenied", policy: "no-latest" })), /^pods-refused: .*no-latest/)
    assert.match(messageOf(judged({ _tag: "Invalid", fields: ["spec.volumes[0]"] })), /^pods-refused: .*spec.volumes/)
  })

  it("of which one more would exceed a quota are refused if the rollout needs it before old pods go", () => {
    const full = [quota({ pods: "3" }, { pods: "3" })]
    assert.match(messageOf(judged(byQuota, full)), /^pods-refused: .*quota team/)
    assert.deepStrictEqual(judged(byQuota, full, recreate), [])
    const oneMayBeAway = { spec: { strategy: { rollingUpdate: { maxUnavailable: 1 } } } }
    assert.deepStrictEqual(judged(byQuota, full, oneMayBeAway), [])
  })

  it("which together exceed a quota ask, although one more is accepted", () => {
    const related = [quota({ "limits.memory": "1300Mi" }, { "limits.memory": "768Mi" })]
    assert.match(messageOf(judged(undefined, related)), /^beyond-quota\? .*team \(limits\.memory: 1536Mi of 1300Mi\)/)
    assert.match(messageOf(judged(undefined, [quota({ memory: "1Gi" })])), /^beyond-quota/)
    assert.match(messageOf(judged(byQuota, related, recreate)), /^pods-refused/)
  })

  it("ask if Kubernaut may not try them, may not read quotas, or gets no answer", () => {
    assert.match(messageOf(judged({ _tag: "Forbidden" })), /^unread\? .*Pod/)
    assert.match(messageOf(judged({ _tag: "Invalid", fields: [] })), /^unread/)
    assert.match(messageOf(judged(undefined, [], { unread: ["ResourceQuota"] })), /^unread\? .*ResourceQuota/)
  })
})

describe("the pod of a template", () => {
  it("has a valid name that no controller uses, and the template's labels", () => {
    const { manifest, ref } = podOf(deployment() as Workload, "01ARZ3NDEK-TSV4-1")
    assert.match(ref.name, /^checkout-dry-run-[a-z0-9]+$/)
    assert.deepStrictEqual((manifest["metadata"] as { labels: unknown }).labels, { app: "checkout" })
    const long = podOf(
      { ...deployment(), metadata: { ...deployment().metadata, name: `${"x".repeat(39)}-y` } } as Workload,
      "1"
    )
    assert.isBelow(long.ref.name.length, 64)
    assert.notMatch(long.ref.name, /--/)
  })

  it("of a StatefulSet has the volumes of its claims", () => {
    const set = statefulSet({ volumeClaimTemplates: [{ metadata: { name: "data" } }] }) as Workload
    assert.deepStrictEqual((podOf(set, "1").manifest["spec"] as { volumes: unknown }).volumes, [
      { name: "data", persistentVolumeClaim: { claimName: "data-db-0" } }
    ])
  })
})
