/** Verifications of actions on the sandbox. */

import { Clock, Effect, Fiber, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { Target } from "../../src/domain/Target.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { Verification } from "../../src/domain/Verification.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import type { AlertPosts } from "../../src/verification/AlertEvidence.ts"
import type { Sighting } from "../../src/verification/FiringAlerts.ts"
import * as Verifier from "../../src/verification/Verifier.ts"

export const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })
export const targetOf = (kind: string, name: string, namespace = "shop"): Target => ({
  cluster: "test",
  ...on(kind, name, namespace)
})

export interface World {
  /** While true, the cluster does not respond. */
  silent: boolean
  reads: number
  /** How long a request takes. Default 0. */
  latencyMs?: number
}

export const layer = (
  options: Verifier.VerifierOptions = {},
  world: World = { silent: false, reads: 0 }
): Layer.Layer<Verifier.Verifier | KubernetesClient> =>
  Verifier.layer(options).pipe(
    Layer.provideMerge(
      Layer.effect(
        KubernetesClient,
        Effect.flatMap(Clock.Clock, (clock) =>
          Sandbox.make({
            intercept: (operation, request) =>
              Effect.suspend(() => {
                world.reads++
                const answer = world.silent
                  ? Effect.fail(
                      new KubernetesError({
                        reason: { _tag: "Unavailable" },
                        operation: operation.verb,
                        applied: "no",
                        retryable: true
                      })
                    )
                  : // The cluster has a clock of its own.
                    Effect.provideService(request, Clock.Clock, clock)
                const { latencyMs = 0 } = world
                return latencyMs === 0 ? answer : Effect.andThen(Effect.sleep(latencyMs), answer)
              })
          })
        ).pipe(Random.withSeed("verification"))
      )
    )
  )

export const write = (change: Change) => Effect.flatMap(KubernetesClient, (client) => client.apply(change))

export const replace = (kind: string, name: string, path: string, value: unknown): Change => ({
  _tag: "Patch",
  ref: on(kind, name),
  patch: [{ op: "add", path, value: value as never }]
})

/** Acts on the sandbox and returns the intent to verify. */
export const acted = Effect.fnUntraced(function* (action: Action, target: Target, change: Change | undefined) {
  const baseline = yield* readWorkload(target)
  if (change !== undefined) yield* write(change)
  const intent: Intent = {
    executionId: "r1-1",
    action,
    changes: change === undefined ? [] : [change],
    inverse: { _tag: "NotNeeded", reason: "" },
    baseline,
    plannedAt: yield* Timestamp.now
  }
  return intent
})

export interface AlertSources {
  readonly posts?: Effect.Effect<AlertPosts>
  readonly look?: Effect.Effect<Sighting>
  readonly seenBefore?: Sighting
  readonly actedAt?: Timestamp.Timestamp
}

export const listed: Sighting = { _tag: "Listed", instance: "am-1" }
export const absent: Sighting = { _tag: "Absent", instance: "am-1" }
export const silent: Sighting = { _tag: "Silent" }

/** What webhooks have said once the alert has ended. */
export const hasResolved: Effect.Effect<AlertPosts> = Effect.map(Timestamp.now, (resolvedAt) => ({ resolvedAt }))

export const begin = Effect.fnUntraced(function* (intent: Intent, target: Target, sources: AlertSources = {}) {
  const verifier = yield* Verifier.Verifier
  return yield* Effect.forkChild(
    verifier.verify({ intent, target, actedAt: intent.plannedAt, posts: Effect.succeed({}), ...sources })
  )
})

/** The verification and the seconds that it took. */
export const verified = Effect.fnUntraced(function* (intent: Intent, target: Target, sources: AlertSources = {}) {
  const startedAtMs = yield* Clock.currentTimeMillis
  const fiber = yield* begin(intent, target, sources)
  for (let half = 0; half < 2000 && fiber.pollUnsafe() === undefined; half++) yield* TestClock.adjust("500 millis")
  const verification = yield* Fiber.join(fiber)
  return { verification, seconds: (Timestamp.toMillis(verification.verifiedAt) - startedAtMs) / 1000 }
})

/** The verdict and the codes of its reasons. */
export const said = (verification: Verification): string =>
  [verification.verdict, ...verification.reasons.map((reason) => reason.split(":")[0])].join(" ")

export const checkout = targetOf("Deployment", "checkout")
export const restart: Action = { type: "RestartWorkload", target: on("Deployment", "checkout") }

export const restarted = (name: string): Change =>
  replace("Deployment", name, "/spec/template/metadata/annotations", {
    "kubectl.kubernetes.io/restartedAt": "2027-01-15T08:00:00.000Z"
  })

export const catalog = targetOf("Deployment", "catalog")
export const healthyRestart = acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))

/** The same, of a workload of which no replica was ready before. */
export const repairingRestart = Effect.map(healthyRestart, (intent): Intent => ({
  ...intent,
  baseline: { ...intent.baseline, rollout: null, pods: [], readyReplicas: 0 }
}))
