/**
 * A drain on a real API server, whose process is killed by `kill -9` between two of its writes. The next process
 * continues it, or gives it up and takes the cordon back. No pod is evicted twice, and the record says what was done.
 */

import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Remediation } from "../../src/domain/Remediation.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as real from "../execution/realCluster.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import { temporaryDirectory } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

const asAdmin = <A, E>(effect: Effect.Effect<A, E, KubernetesClient>): Effect.Effect<A, E> =>
  Effect.provide(effect, Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig })))

/** A process of the service, and what it said. */
const process = (database: string, args: Readonly<Record<string, string>>) =>
  Effect.callback<{ readonly signal: string | null; readonly lines: ReadonlyArray<string> }>((resume) => {
    const given = { database, kubeconfig: plane.kubeconfig, ...args }
    const child = spawn(
      globalThis.process.execPath,
      [
        join(import.meta.dirname, "draining-service.ts"),
        ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
      ],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (more: string) => {
      text += more
    })
    child.on("close", (_code, signal) => resume(Effect.succeed({ signal, lines: text.trim().split("\n") })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const writesIn = (lines: ReadonlyArray<string>, tag: string): ReadonlyArray<string> =>
  lines.flatMap((line) => (line.startsWith(`write ${tag} `) ? [line.slice(`write ${tag} `.length)] : []))

const endedIn = (lines: ReadonlyArray<string>): Remediation =>
  JSON.parse(lines.find((line) => line.startsWith("ended "))!.slice("ended ".length)) as Remediation

/** A node of its own, so that nothing else is drained, with the three pods of a Deployment that prefer it. */
const drilled = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<ReadonlyArray<string>, KubernetesError, KubernetesClient> {
  const size = { cpu: "16", memory: "64Gi", pods: "110" }
  yield* real.create(
    "Node",
    name,
    "v1",
    {
      spec: { taints: [{ key: "drill", value: name, effect: "NoSchedule" }] },
      status: { allocatable: size, capacity: size }
    },
    { annotations: { "kwok.x-k8s.io/node": "fake" }, labels: { drill: name, "kubernetes.io/hostname": name } }
  )
  yield* real.eventually(`${name} takes pods`, real.get(on("Node", name)), ({ spec, status }) => {
    const { taints = [] } = spec as { readonly taints?: ReadonlyArray<{ readonly key: string }> }
    const { conditions = [] } = status as {
      readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>
    }
    return taints.length === 1 && conditions.some((each) => each.type === "Ready" && each.status === "True")
  })
  const base = real.template(name) as { readonly metadata: object; readonly spec: object }
  yield* real.deploy(name, 3, {
    ...base,
    spec: {
      ...base.spec,
      tolerations: [{ key: "drill", operator: "Exists" }],
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 100, preference: { matchExpressions: [{ key: "drill", operator: "In", values: [name] }] } }
          ]
        }
      }
    }
  } as never)
  const pods = yield* real.podsOf(name)
  return pods.filter((pod) => pod.spec.nodeName === name).map(({ metadata }) => metadata.uid)
})

const isCordoned = (name: string) =>
  Effect.map(
    asAdmin(real.get(on("Node", name))),
    ({ spec }) => (spec as { readonly unschedulable?: boolean }).unschedulable === true
  )

/** A drain that is killed at a point, and the process that follows it. */
const killed = Effect.fnUntraced(function* (
  point: string,
  between: (name: string) => Effect.Effect<unknown, KubernetesError> = () => Effect.void
) {
  const name = `drill-${point.replace(" ", "-")}-${between.length}-${namespace.slice(-6)}`
  const pods = yield* asAdmin(drilled(name))
  assert.lengthOf(pods, 3)
  const directory = yield* temporaryDirectory
  const [database, webhook] = [join(directory, "kubernaut.db"), join(directory, "webhook.json")]
  writeFileSync(
    webhook,
    JSON.stringify(webhookAbout([{ alertname: "KubeNodeNotReady", severity: "critical", node: name }]))
  )
  const first = yield* process(database, { webhook, die: point })
  assert.strictEqual(first.signal, "SIGKILL")
  yield* between(name)
  const second = yield* process(database, {})
  assert.isNull(second.signal)
  const lines = [...first.lines, ...second.lines]
  const cordoned = yield* isCordoned(name)
  yield* asAdmin(
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const { metadata } = yield* real.get(on("Node", name))
      yield* client.apply({ _tag: "Delete", ref: on("Node", name), uid: metadata.uid })
    })
  )
  return { pods, lines, cordoned, ended: endedIn(second.lines) }
})

describe.skipIf(!plane.available)(`a process that is killed in the middle of a drain${plane.note}`, () => {
  it.live("opens its namespace", () => asAdmin(real.openNamespace), 60_000)

  // The first write is the cordon. "before 3": an eviction is on record nowhere, and was not sent.
  it.live.each(["after 1", "after 2", "before 3", "after 4"])(
    "is followed by one that continues it, %s, and evicts each pod once",
    (point) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { cordoned, ended, lines, pods } = yield* killed(point)
          assert.deepStrictEqual(writesIn(lines, "Evict").toSorted(), pods.toSorted())
          assert.lengthOf(writesIn(lines, "Patch"), 1)
          assert.isTrue(cordoned)
          const [execution] = ended.executions
          assert.lengthOf(ended.executions, 1)
          assert.strictEqual(execution?.outcome?.applied, "yes", execution?.outcome?.message)
          assert.isUndefined(execution?.outcome?.failure)
          assert.isUndefined(ended.rollback)
        })
      ),
    180_000
  )

  it.live(
    "is followed by one that gives it up where a budget holds the rest, takes the cordon back, and says so",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { cordoned, ended, lines, pods } = yield* killed("after 2", (name) =>
            asAdmin(
              Effect.gen(function* () {
                yield* real.create("PodDisruptionBudget", name, "policy/v1", {
                  spec: { maxUnavailable: 0, selector: { matchLabels: { app: name } } }
                })
                yield* real.eventually(
                  "the budget is computed",
                  real.get(on("PodDisruptionBudget", name)),
                  (object) => ((object["status"] as { expectedPods?: number } | undefined)?.expectedPods ?? 0) > 0
                )
              })
            )
          )
          const [evicted, ...others] = [...new Set(writesIn(lines, "Evict"))]
          assert.include(pods, evicted)
          // The budget refuses the second, again and again, and the third is never tried.
          assert.lengthOf(others, 1)
          assert.strictEqual(writesIn(lines, "Evict").filter((uid) => uid === evicted).length, 1)
          assert.isFalse(cordoned)
          assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
          const outcome = ended.executions[0]?.outcome
          assert.deepStrictEqual([outcome?.applied, outcome?.failure], ["yes", "disruption-budget"])
          assert.strictEqual(ended.rollback?.attempts.length, 1)
          assert.include(ended.conclusion, "not moved back")
        })
      ),
    180_000
  )
})
