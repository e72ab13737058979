import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { fromMillis } from "../../../src/domain/Timestamp.ts"
import { make } from "../../../src/investigation/evidence/EvidenceGatherer.ts"
import { make as makePrompt } from "../../../src/investigation/models/Prompt.ts"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { factsOf } from "../../../src/investigation/rules/RuleFacts.ts"
import { make as makeRules } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { KubernetesClient, type KubernetesObject } from "../../../src/kubernetes/KubernetesClient.ts"
import type { ContainerTermination, Pod } from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { alert, request, target } from "../fixtures/Requests.ts"

const minute = 60_000
const day = 24 * 60 * minute
const iso = (ms: number) => new Date(ms).toISOString()

/** The pods of the workload are not ready, run for so long, and ended once before that. */
interface Running {
  readonly name: string
  readonly runsMs: number
  readonly ended?: Pick<ContainerTermination, "exitCode" | "reason">
}

const change = ({ ended, name, runsMs }: Running, nowMs: number) => {
  const startedAt = iso(nowMs - runsMs)
  const createdAt = iso(nowMs - runsMs - 10_000)
  const container = {
    ready: false,
    restartCount: ended === undefined ? 0 : 1,
    state: { running: { startedAt } },
    lastState:
      ended === undefined
        ? {}
        : { terminated: { ...ended, startedAt: iso(nowMs - runsMs - 4000), finishedAt: iso(nowMs - runsMs - 2000) } }
  }
  return (object: KubernetesObject): KubernetesObject => {
    const status = object["status"] as Pod["status"]
    const isOurs = object.kind === "Pod" && object.metadata.name.startsWith(`${name}-`)
    if (isOurs && (name === "catalog" || status?.containerStatuses?.some(({ ready }) => !ready)))
      return {
        ...object,
        metadata: { ...object.metadata, creationTimestamp: createdAt },
        status: {
          ...status,
          conditions: [
            { type: "PodScheduled", status: "True" },
            { type: "Ready", status: "False", reason: "ContainersNotReady", lastTransitionTime: createdAt }
          ],
          containerStatuses: status?.containerStatuses?.map((each) => ({ ...each, ...container }))
        }
      }
    if (object.kind === "Deployment" && object.metadata.name === name && name === "catalog")
      return { ...object, status: { ...status, readyReplicas: 0, availableReplicas: 0 } }
    if (object.kind === "Deployment" && object.metadata.name === name)
      return {
        ...object,
        status: {
          ...status,
          conditions: [
            { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", lastUpdateTime: createdAt },
            { type: "Available", status: "True", reason: "MinimumReplicasAvailable" }
          ]
        }
      }
    return object
  }
}

const cluster = (running: Running) =>
  Layer.effect(
    KubernetesClient,
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const changed = change(running, yield* Clock.currentTimeMillis)
      return KubernetesClient.of({
        ...client,
        get: (ref) => Effect.map(client.get(ref), changed),
        list: (kind, options) => Effect.map(client.list(kind, options), (objects) => objects.map(changed))
      })
    })
  ).pipe(Layer.provide(Sandbox.layer()))

const investigated = Effect.fnUntraced(function* (running: Running, name: string) {
  return yield* Effect.gen(function* () {
    const { rules } = yield* standard
    const startsAt = fromMillis(yield* Clock.currentTimeMillis)
    const given = request({
      target: { ...target, name: running.name },
      observed: yield* readWorkload({ namespace: "shop", kind: "Deployment", name: running.name }),
      alert: alert({ name, labels: { namespace: "shop" }, severity: "warning", startsAt })
    })
    const asked = { ...given, evidence: yield* (yield* make())(given) }
    const found = yield* makeRules({ rules }).investigate(asked)
    return { action: found.action.type, facts: factsOf(asked), prompt: makePrompt(asked).question, asked }
  }).pipe(Effect.provide(cluster(running)))
})

const oomKilled = { exitCode: 137, reason: "OOMKilled" }
const error = { exitCode: 1, reason: "Error" }

describe("pods that have run for 20 days, whose database is away now", () => {
  it.effect.each(["KubeDeploymentReplicasMismatch", "KubePodNotReady", "SomeLatencyAlert"])(
    "get no more memory for an OOM kill before that, whichever alert fires: %s",
    (name) =>
      Effect.gen(function* () {
        const over = yield* investigated({ name: "catalog", runsMs: 20 * day, ended: oomKilled }, name)
        assert.strictEqual(over.action, "Notify")
        assert.notInclude([...over.facts], "oom-killed")
        const now = yield* investigated({ name: "catalog", runsMs: 2 * minute, ended: oomKilled }, name)
        assert.strictEqual(now.action, "AdjustResources")
      })
  )

  it.effect("are told to a model as not ready, with the log of the run that is not", () =>
    Effect.gen(function* () {
      const { asked, prompt } = yield* investigated({ name: "catalog", runsMs: 20 * day, ended: oomKilled }, "A")
      assert.isTrue(asked.observed?.pods.every(({ reason }) => reason === "ContainersNotReady"))
      assert.include(prompt, '"failsNow":null')
      assert.isTrue(asked.evidence.logs.some(({ previous }) => !previous))
    })
  )
})

describe("a new pod that exited once at its start, and warms up since", () => {
  const rollout = (runsMs: number, ended?: Running["ended"]) =>
    investigated({ name: "checkout", runsMs, ...(ended === undefined ? {} : { ended }) }, "CheckoutLatencyHigh")

  it.effect("is a rollout under way like one that never exited", () =>
    Effect.gen(function* () {
      for (const ended of [undefined, error]) {
        const { action, facts } = yield* rollout(minute / 2, ended)
        assert.strictEqual(action, "Notify")
        assert.deepStrictEqual([...facts], ["rollout-under-way"])
      }
    })
  )

  it.effect("is a bad rollout until its run has outlasted the exit", () =>
    Effect.gen(function* () {
      const { action, facts } = yield* rollout(5000, error)
      assert.strictEqual(action, "RollbackDeployment")
      assert.include([...facts], "bad-rollout")
    })
  )

  it.effect("is not the fault of the rollout's revision either, once the deadline is over", () =>
    Effect.gen(function* () {
      for (const minutes of [2.5, 5, 9]) {
        const { action, facts } = yield* rollout(minutes * minute, error)
        assert.strictEqual(action, "Notify")
        assert.notInclude([...facts], "bad-rollout")
      }
    })
  )
})
