import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { rightsFindings } from "../../../src/cli/commands/DoctorRights.ts"
import type { PolicyRule } from "../../../src/kubernetes/Access.ts"
import { KubernetesError } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { rulesOf } from "../../kubernetes/LeastRole.ts"

const observe = rulesOf("kubernaut-observe")
const least = [...observe, ...rulesOf("kubernaut-act")]
const without = (verb: string, resource: string) =>
  least.flatMap(({ resources = [], verbs, ...rule }) => [
    { ...rule, verbs, resources: resources.filter((each) => each !== resource) },
    { ...rule, verbs: verbs.filter((each) => each !== verb), resources: resources.filter((each) => each === resource) }
  ])

const client = (rules: ReadonlyArray<PolicyRule>) => Sandbox.make({ shop: false, rules })

const findingsWith = (
  rules: ReadonlyArray<PolicyRule>,
  mode: "observe" | "approve" | "auto",
  changes: "on" | "off" = "off"
) =>
  Effect.map(
    Effect.flatMap(client(rules), (made) => rightsFindings({ changes, cluster: "kubeconfig", mode }, made)),
    ([reads, writes, rights, journal]) => ({ reads: reads!, writes: writes!, rights: rights!, journal })
  )

const results = ({ reads, rights, writes }: Effect.Success<ReturnType<typeof findingsWith>>) =>
  [reads, writes, rights].map(({ result }) => result)

describe("what doctor says about the own rights", () => {
  it.effect("nothing is wrong with the least role, in every mode that it is for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(results(yield* findingsWith(observe, "observe")), ["ok", "ok", "ok"])
      assert.deepStrictEqual(results(yield* findingsWith(least, "approve")), ["ok", "ok", "ok"])
      assert.deepStrictEqual(results(yield* findingsWith(least, "auto")), ["ok", "ok", "ok"])
    })
  )

  it.effect("the right to watch is needed only where changes are recorded, and its lack is a warning", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* findingsWith(observe, "observe")).journal)
      const found = yield* findingsWith(observe, "observe", "on")
      assert.deepStrictEqual(results(found), ["ok", "ok", "ok"])
      assert.strictEqual(found.journal?.result, "warning")
      assert.include(found.journal?.message, "watch services")
      assert.include(found.journal?.message, "kubernaut-changes")
      const recording = [...observe, ...rulesOf("kubernaut-changes")]
      const bound = yield* findingsWith(recording, "observe", "on")
      assert.deepStrictEqual(results(bound), ["ok", "ok", "ok"])
      assert.deepStrictEqual(bound.journal?.result, "ok")
    })
  )

  it.effect("a kind that may not be watched is named, and the others are not", () =>
    Effect.gen(function* () {
      const recording = [...observe, ...rulesOf("kubernaut-changes")].flatMap(({ resources = [], ...rule }) => [
        { ...rule, resources: resources.filter((each) => each !== "configmaps") }
      ])
      const { journal } = yield* findingsWith(recording, "observe", "on")
      assert.strictEqual(journal?.result, "warning")
      assert.include(journal?.message, "list configmaps, watch configmaps;")
    })
  )

  it.effect("the right to watch Secrets is optional: without it nothing is wrong, with it nothing is too much", () =>
    Effect.gen(function* () {
      const recording = [...observe, ...rulesOf("kubernaut-changes")]
      const { journal } = yield* findingsWith(recording, "observe", "on")
      assert.include(journal?.message, "Secrets change is unknown")
      const all = yield* findingsWith([...recording, ...rulesOf("kubernaut-changes-secrets")], "observe", "on")
      assert.deepStrictEqual([all.rights.result, all.journal?.result], ["ok", "ok"])
      assert.notInclude(all.journal?.message, "Secret")
      // Where changes are not recorded it is more than needed.
      const off = yield* findingsWith([...observe, ...rulesOf("kubernaut-changes-secrets")], "observe", "off")
      assert.include(off.rights.message, "list secrets")
    })
  )

  it.effect("a custom kind that the cluster does not have is named, and is nothing to be warned of", () =>
    Effect.gen(function* () {
      const made = yield* client([...observe, ...rulesOf("kubernaut-changes")])
      const notServed = new KubernetesError({
        reason: { _tag: "NotFound" },
        operation: "list",
        applied: "no",
        retryable: false
      })
      const findings = yield* rightsFindings(
        {
          changes: "on",
          changesKinds: ["security.istio.io/v1/AuthorizationPolicy"],
          cluster: "kubeconfig",
          mode: "observe"
        },
        { ...made, list: () => Effect.fail(notServed) }
      )
      assert.strictEqual(findings[3]?.result, "ok")
      assert.include(findings[3]?.message, "does not have these kinds: AuthorizationPolicy")
    })
  )

  it.effect("a custom kind that cannot be listed is a warning, and is named", () =>
    Effect.gen(function* () {
      const made = yield* client([...observe, ...rulesOf("kubernaut-changes")])
      const findings = yield* rightsFindings(
        {
          changes: "on",
          changesKinds: ["security.istio.io/v1/AuthorizationPolicy"],
          cluster: "kubeconfig",
          mode: "observe"
        },
        made
      )
      assert.include(findings[3]?.message, "AuthorizationPolicy")
      assert.strictEqual(findings[3]?.result, "warning")
    })
  )

  it.effect.each<[verb: string, resource: string, said: string]>([
    ["patch", "nodes", "patch nodes (CordonNode, UncordonNode, DrainNode, RestoreObject)"],
    ["create", "pods/eviction", "create pods/eviction (EvictPod, DrainNode)"],
    ["patch", "cronjobs", "patch cronjobs.batch (SuspendCronJob, RestoreObject)"],
    ["get", "storageclasses", "get storageclasses.storage.k8s.io (ExpandVolume)"]
  ])("a missing right fails, with the actions that need it: %s %s", ([verb, resource, said]) =>
    Effect.gen(function* () {
      const { reads, writes } = yield* findingsWith(without(verb, resource), "auto")
      assert.deepStrictEqual([reads.result, writes.result], ["ok", "failed"])
      assert.include(writes.message, said)
    })
  )

  it.effect("a missing read fails in every mode, and names the features and the actions", () =>
    Effect.gen(function* () {
      const rules = without("list", "replicasets")
      const { reads, writes } = yield* findingsWith(rules, "auto")
      assert.include(reads.message, "list replicasets.apps (owners, state, evidence)")
      assert.include(writes.message, "list replicasets.apps (RollbackDeployment)")
      assert.strictEqual((yield* findingsWith(rules, "observe")).reads.result, "failed")
    })
  )

  it.effect("a missing caution is a warning, because the action asks a person instead", () =>
    Effect.gen(function* () {
      const { writes } = yield* findingsWith(without("create", "pods"), "auto")
      assert.strictEqual(writes.result, "warning")
      assert.include(writes.message, "create pods (RestartWorkload, RollbackDeployment, AdjustResources)")
    })
  )

  it.effect.each<[what: string, rule: PolicyRule, said: string]>([
    ["cluster-admin", { verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, "as cluster-admin"],
    ["secrets", { verbs: ["get"], apiGroups: [""], resources: ["secrets"] }, "more than needed: get secrets"],
    [
      "one secret",
      { verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["db"] },
      "get secrets db"
    ],
    ["all verbs on pods", { verbs: ["*"], apiGroups: [""], resources: ["pods"] }, "* pods"],
    ["delete", { verbs: ["delete"], apiGroups: [""], resources: ["pods"] }, "delete pods"],
    [
      "rights",
      { verbs: ["patch"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"] },
      "patch roles.rbac.authorization.k8s.io"
    ],
    ["impersonation", { verbs: ["impersonate"], apiGroups: [""], resources: ["users"] }, "impersonate users"]
  ])("more than needed is a warning: %s", ([, rule, said]) =>
    Effect.gen(function* () {
      const { rights } = yield* findingsWith([...least, rule], "auto")
      assert.strictEqual(rights.result, "warning")
      assert.include(rights.message, said)
    })
  )

  it.effect("the right to write is more than mode observe needs", () =>
    Effect.gen(function* () {
      const { rights } = yield* findingsWith(least, "observe")
      assert.strictEqual(rights.result, "warning")
      assert.include(rights.message, "patch deployments.apps")
    })
  )

  it.effect("what Kubernetes grants to everybody is not more than needed", () =>
    Effect.gen(function* () {
      const { rights } = yield* findingsWith(
        [
          ...least,
          {
            verbs: ["create"],
            apiGroups: ["authorization.k8s.io"],
            resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
          },
          { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
          { verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/version"] }
        ],
        "auto"
      )
      assert.strictEqual(rights.result, "ok", rights.message)
    })
  )

  it.effect("a question without an answer is unknown, and not a missing right", () =>
    Effect.gen(function* () {
      const sandbox = yield* client(least)
      const down = Effect.fail(
        new KubernetesError({ reason: { _tag: "Timeout" }, operation: "review", applied: "no", retryable: true })
      )
      const findings = yield* rightsFindings(
        { cluster: "kubeconfig", mode: "auto" },
        { ...sandbox, rights: { may: () => down, rules: () => down } }
      )
      assert.deepStrictEqual(
        findings.map(({ result }) => result),
        ["warning", "warning", "warning"]
      )
      assert.include(findings[1]!.message, "not known")
      const said = findings[1]!.message
      assert.include(said, "create pods (RestartWorkload", "the rights to be cautious are not known either")
    })
  )
})
