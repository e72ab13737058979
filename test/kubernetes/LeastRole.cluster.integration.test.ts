/**
 * The roles of `deploy/rbac.yaml` on a real API server. Everything that the service does with a cluster is done as its
 * ServiceAccount. The requests are recorded at the client and compared with what is granted, both ways.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { KubeConfig, type KubernetesObject as Manifest, KubernetesObjectApi } from "@kubernetes/client-node"
import { Effect, Layer } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import { rightsFindings } from "../../src/cli/commands/DoctorRights.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { ObjectChange } from "../../src/domain/ObjectChange.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Executor from "../../src/execution/Executor.ts"
import * as EvidenceGatherer from "../../src/investigation/evidence/EvidenceGatherer.ts"
import type { Permission, PolicyRule } from "../../src/kubernetes/Access.ts"
import { inNamespace, permissionText } from "../../src/kubernetes/AccessRules.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import * as ClusterIdentity from "../../src/kubernetes/ClusterIdentity.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "../../src/kubernetes/OwnerResolver.ts"
import { alertKinds, allPermissions, observePermissions } from "../../src/kubernetes/Permissions.ts"
import { type Operation, permissionOf } from "../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { carried } from "../../src/simulation/farEnds/paths/ClusterPath.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import * as changes from "../execution/realChanges.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "./controlPlane.ts"
import { routeDefinitions, routesServed } from "./gatewayRoutes.ts"
import { installed, manifests, serviceKubeconfig, without } from "./LeastRole.ts"
import { existing, fixtures, isReady, release } from "./LeastRoleObjects.ts"

const plane = await controlPlane()
const directory = mkdtempSync(join(tmpdir(), "kubernaut-role-"))
const kubeconfig = join(directory, "kubeconfig")
const { namespace, on } = real

const adminConfig = (): KubeConfig => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  return config
}
const objects = () => KubernetesObjectApi.makeApiClient(adminConfig())

/** As an administrator: the people who deploy things and release bad versions. */
const asAdmin = <A, E>(effect: Effect.Effect<A, E, KubernetesClient>): Effect.Effect<A, E> =>
  Effect.provide(effect, Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig })))

/** The requests of the service: one of each permission, to be sent again, and those that the server forbade. */
const sent = new Map<string, Effect.Effect<void, KubernetesError>>()
const forbidden: Array<string> = []

const recording = Layer.effect(
  KubernetesClient,
  Effect.map(KubernetesClient, (client) =>
    carried(client, (request: Operation, server) => {
      const permission = permissionOf(request)
      if (permission !== undefined) sent.set(permissionText(permission), Effect.asVoid(server))
      return Effect.tapError(server, ({ message, reason }) =>
        Effect.sync(() => {
          if (reason._tag === "Forbidden") forbidden.push(message)
        })
      )
    })
  )
).pipe(Layer.provide(Layer.orDie(ClientNode.layer({ kubeconfig }))))

/** The changes that people have made, as the service reads them. */
const recorded: Array<ObjectChange> = []

const services = Layer.mergeAll(
  Layer.provide(Executor.layer(), ChangeJournal.layerMemory({ changes: recorded })),
  Verifier.layer({
    settleTimeout: "8 seconds",
    stabilisation: "500 millis",
    pollIntervalCap: "200 millis",
    alertTimeout: "1 second"
  }),
  OwnerResolver.layer()
).pipe(Layer.provideMerge(recording))

/** As the service, with its own role. */
const asService = <A, E>(
  effect: Effect.Effect<A, E, KubernetesClient | Executor.Executor | Verifier.Verifier | OwnerResolver.OwnerResolver>
) => Effect.provide(effect, services)

const create = (kind: string, name: string, apiVersion: string, rest: Parameters<typeof real.create>[3]) =>
  asAdmin(real.create(kind, name, apiVersion, rest))

const ready = (ref: ResourceRef) => asAdmin(isReady(ref))

/** Everything that the service does in mode observe. */
const observing = Effect.gen(function* () {
  const client = yield* KubernetesClient
  const resolver = yield* OwnerResolver.OwnerResolver
  yield* ClusterIdentity.read(client)
  for (const kind of alertKinds) {
    // A storm of alerts about objects that are gone: single reads, then a list.
    const names = Array.from({ length: 6 }, (_, index) => on(kind, `gone-${index}`))
    assert.strictEqual((yield* Effect.flip(resolver.resolveFirst(names))).reason._tag, "NotFound", kind)
    yield* readWorkload(on(kind, existing[kind] ?? "absent"))
  }
  const web = on("Deployment", "web")
  const [pod] = yield* asAdmin(real.podsOf("web"))
  assert.deepStrictEqual(yield* resolver.resolve(on("Pod", pod!.metadata.name)), web)
  const gather = yield* EvidenceGatherer.make()
  const evidence = yield* gather({
    alert: {
      fingerprint: "f",
      name: "KubePodCrashLooping",
      severity: "critical",
      labels: {},
      annotations: {},
      startsAt: "2026-11-24T03:00:00.000Z"
    },
    target: { cluster: "real", ...web },
    level: 0,
    observed: yield* readWorkload(web)
  } as Parameters<typeof gather>[0])
  assert.isNotEmpty(evidence.events)
  assert.isNotEmpty(evidence.logs)
})

const carriedOut = (action: Action, target: ResourceRef, id: string, verify = false) =>
  Effect.gen(function* () {
    const intent = yield* real.act(action, target, id, true)
    if (verify) yield* real.verified(intent, target)
    yield* real.undo(intent)
    return intent
  })

/** Every action of the catalog on every kind that it applies to, with its inverse. */
const acting = Effect.gen(function* () {
  const on3 = (["Deployment", "StatefulSet", "DaemonSet"] as const).map((kind) => on(kind, existing[kind]!))
  for (const target of on3) {
    yield* carriedOut({ type: "RestartWorkload", target }, target, `restart-${target.kind}`, true)
    yield* carriedOut(
      { type: "AdjustResources", target, container: "proxy", requests: { cpu: "20m" } },
      target,
      `adjust-${target.kind}`
    )
    yield* ready(target)
    yield* asAdmin(release(target, "v3"))
    yield* ready(target)
    yield* carriedOut({ type: "RollbackDeployment", target }, target, `rollback-${target.kind}`)
  }
  for (const target of [...on3.slice(0, 2), on("ReplicaSet", "alone")])
    yield* carriedOut({ type: "ScaleWorkload", target, replicas: 3 }, target, `scale-${target.kind}`)
  const autoscaler = on("HorizontalPodAutoscaler", "scaled")
  yield* carriedOut({ type: "PatchHpa", target: autoscaler, maxReplicas: 5 }, on("Deployment", "scaled"), "hpa")
  const cronJob = on("CronJob", "report")
  yield* carriedOut({ type: "SuspendCronJob", target: cronJob }, cronJob, "suspend", true)
  const claim = on("PersistentVolumeClaim", "data")
  yield* asAdmin(
    Effect.flatMap(KubernetesClient, (client) =>
      client.apply({
        _tag: "Patch",
        ref: on("StorageClass", namespace),
        patch: [{ op: "replace", path: "/allowVolumeExpansion", value: true }]
      })
    )
  )
  yield* carriedOut({ type: "ExpandVolume", target: claim, size: "2Gi" }, claim, "expand", true)
  yield* actingOnPods
  yield* actingOnNodes
  yield* diagnosing
  yield* restoring
  yield* refusedByRange
})

type Does = Effect.Effect<unknown, KubernetesError, KubernetesClient>

/** A change of a person, in the journal. */
const madeByPerson = Effect.fnUntraced(function* (ref: ResourceRef, does: Does) {
  const made = yield* asAdmin(changes.personDoes(ref, does))
  recorded.push(made.change)
  return made
})

/** Takes one change of a person back, after somebody has made another one. */
const takenBack = Effect.fnUntraced(function* (ref: ResourceRef, does: Does, another?: readonly [ResourceRef, Does]) {
  const { change, old } = yield* madeByPerson(ref, does)
  if (another !== undefined) yield* madeByPerson(...another)
  const action: Action = { type: "RestoreObject", target: ref, change: change.id }
  yield* real.act(action, on("Deployment", "web"), `${change.operation}-${ref.kind}`, true)
  assert.deepStrictEqual(changes.meant(yield* asAdmin(changes.present(ref))), changes.meant(old), ref.kind)
})

/** Each kind after somebody has modified, deleted and created an object of it. */
const restoring = Effect.gen(function* () {
  yield* asAdmin(routesServed)
  yield* asAdmin(changes.write(on("Gateway", "gateway"), { spec: {} }))
  for (const { after, before, kind } of changes.restorables) {
    const ref = changes.named(kind, "restored")
    yield* asAdmin(changes.write(ref, before))
    yield* takenBack(ref, changes.edit(ref, after))
    yield* takenBack(ref, changes.remove(ref))
    yield* asAdmin(changes.remove(ref))
    // What replaces another one of its name is not removed.
    const added = changes.named(kind, "added")
    yield* takenBack(added, changes.write(added, { ...before, ...after }))
  }
  const own = on("Namespace", namespace)
  yield* takenBack(own, changes.label(own, "team", "nobody"))
  // Whether somebody relies on it since.
  const account = on("ServiceAccount", "bound")
  const binding = on("RoleBinding", "bound")
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" }
  yield* asAdmin(changes.write(account, { imagePullSecrets: [{ name: "a" }] }))
  yield* takenBack(account, changes.edit(account, { imagePullSecrets: [{ name: "b" }] }), [
    binding,
    changes.write(binding, { roleRef, subjects: [{ kind: "ServiceAccount", name: "nobody", namespace }] })
  ])
})

const actingOnPods = Effect.gen(function* () {
  const scaled = on("Deployment", "scaled")
  const podOf = (app: string) => Effect.map(asAdmin(real.podsOf(app)), ([first]) => on("Pod", first!.metadata.name))
  yield* carriedOut({ type: "EvictPod", target: yield* podOf("scaled") }, scaled, "evict", true)
  yield* ready(scaled)
  yield* carriedOut({ type: "QuarantinePod", target: yield* podOf("scaled") }, scaled, "quarantine", true)
  // Their owners say which template a replacement has.
  yield* carriedOut({ type: "EvictPod", target: yield* podOf("agent") }, on("DaemonSet", "agent"), "evict-agent")
  yield* carriedOut({ type: "EvictPod", target: yield* podOf("db") }, on("StatefulSet", "db"), "evict-db")
})

const actingOnNodes = Effect.gen(function* () {
  const [first] = yield* asAdmin(Effect.flatMap(KubernetesClient, (client) => client.list("Node", {})))
  const node = on("Node", first!.metadata.name)
  const cordoned = yield* real.act({ type: "CordonNode", target: node }, node, "cordon", true)
  yield* real.verified(cordoned, node)
  yield* carriedOut({ type: "UncordonNode", target: node }, node, "uncordon")
  yield* real.undo(cordoned)
  yield* asAdmin(
    Effect.flatMap(KubernetesClient, (client) =>
      Effect.ignore(client.apply({ _tag: "Patch", ref: node, patch: [{ op: "remove", path: "/spec/unschedulable" }] }))
    )
  )
  yield* carriedOut({ type: "DrainNode", target: node }, node, "drain", true)
})

const diagnosing = Effect.gen(function* () {
  const web = on("Deployment", "web")
  const executor = yield* Executor.Executor
  const intent = yield* real.plan({ type: "CollectDiagnostics", target: web }, web, "diagnose")
  const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true) })
  assert.isUndefined(outcome.failure, outcome.message)
})

/** A LimitRange that the pods of a new template would break. */
const refusedByRange = Effect.gen(function* () {
  yield* create("LimitRange", "small", "v1", { spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] } })
  const web = on("Deployment", "web")
  const refused = yield* Effect.flip(real.plan({ type: "RestartWorkload", target: web }, web, "refused"))
  assert.strictEqual(refused._tag === "PlanRefused" ? refused.rule : refused.message, "pods-refused")
})

interface Role extends Manifest {
  rules: ReadonlyArray<PolicyRule>
}

const roleNames = ["kubernaut-observe", "kubernaut-act"] as const

/** Replaces the rules of a role, and waits until the API server goes by them. */
const withRules = (name: string, rules: ReadonlyArray<PolicyRule>) =>
  Effect.promise(async () => {
    const api = objects()
    const ref = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name } }
    const role = (await api.read(ref)) as Role
    await api.replace({ ...role, rules } as Role)
  })

const texts = (permissions: ReadonlyArray<Permission>) => permissions.map(permissionText).toSorted()

describe.skipIf(!plane.available)(`the least role on a real API server${plane.note}`, () => {
  beforeAll(async () => {
    const api = objects()
    for (const manifest of [...installed, ...routeDefinitions]) await api.create(manifest as unknown as Manifest)
    writeFileSync(kubeconfig, await serviceKubeconfig(adminConfig()))
    await Effect.runPromise(asAdmin(fixtures))
  }, 180_000)
  afterAll(async () => {
    rmSync(directory, { recursive: true })
    const api = objects()
    for (const manifest of [...installed, ...routeDefinitions])
      if (manifest.metadata?.namespace === undefined) await api.delete(manifest as unknown as Manifest)
    await plane.stop()
  })

  it.live(
    "mode observe makes exactly the requests that its role grants",
    () =>
      Effect.gen(function* () {
        yield* asService(observing)
        assert.deepStrictEqual(forbidden, [])
        assert.deepStrictEqual([...sent.keys()].toSorted(), texts(observePermissions))
      }),
    180_000
  )

  it.live(
    "all actions together make exactly the requests that both roles grant, and none is forbidden",
    () =>
      Effect.gen(function* () {
        yield* asService(acting)
        assert.deepStrictEqual(forbidden, [])
        assert.deepStrictEqual([...sent.keys()].toSorted(), texts(allPermissions))
      }),
    300_000
  )

  it.live("doctor finds nothing missing and nothing too much in the roles", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const findings = yield* rightsFindings({ changes: "on", cluster: "kubeconfig", mode: "auto" }, client)
      assert.deepStrictEqual(
        findings.slice(0, 3).map(({ message, result }) => [result, message]),
        [
          ["ok", "allowed"],
          ["ok", "allowed"],
          ["ok", "no more than needed"]
        ]
      )
      // It reads and writes too much for mode observe.
      const [, , rights] = yield* rightsFindings({ changes: "on", cluster: "kubeconfig", mode: "observe" }, client)
      assert.strictEqual(rights?.result, "warning")
    }).pipe(asService)
  )

  it.live(
    "without any one of its verbs a request of the service is forbidden",
    () =>
      Effect.gen(function* () {
        const { rights } = yield* KubernetesClient
        const may = (permission: Permission) => rights!.may(inNamespace(permission, namespace))
        const until = (permission: Permission, allowed: boolean) =>
          Effect.gen(function* () {
            while ((yield* may(permission)) !== allowed) yield* Effect.sleep("20 millis")
          }).pipe(Effect.timeout("10 seconds"))
        for (const name of roleNames) {
          const { rules } = manifests.find(({ kind, metadata }) => kind === "ClusterRole" && metadata.name === name)!
          const granted =
            name === "kubernaut-observe" ? observePermissions : allPermissions.slice(observePermissions.length)
          for (const permission of granted) {
            yield* withRules(name, without(rules!, permission))
            yield* until(permission, false)
            const error = yield* Effect.flip(sent.get(permissionText(permission))!)
            assert.strictEqual(error.reason._tag, "Forbidden", permissionText(permission))
            yield* withRules(name, rules!)
            yield* until(permission, true)
          }
        }
      }).pipe(asService),
    300_000
  )
})
