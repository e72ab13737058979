/** The actors, and what their steps need: executor, rollback, verifier, reviews. */

import { Effect, Layer, Option } from "effect"
import { type GuardrailSettings, inForce, isProtected, removedProtection } from "../decision/GuardrailSettings.ts"
import * as Executor from "../execution/Executor.ts"
import * as RollbackExecutor from "../execution/RollbackExecutor.ts"
import { redact } from "../investigation/evidence/Redaction.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import * as OwnerResolver from "../kubernetes/OwnerResolver.ts"
import * as RemediationActors from "../remediation/RemediationActors.ts"
import * as Reviews from "../remediation/Reviews.ts"
import * as RollbackRequests from "../remediation/RollbackRequests.ts"
import * as TakeUp from "../remediation/TakeUp.ts"
import * as FiringAlerts from "../verification/FiringAlerts.ts"
import * as Verifier from "../verification/Verifier.ts"
import { suspects } from "./ChangeParts.ts"

/** Says which protection the options remove, so that nobody has to find out from what was written. */
const logRemoved = (guardrails: GuardrailSettings) =>
  Effect.suspend(() => {
    const { managers, namespaces } = removedProtection(guardrails)
    return managers.length + namespaces.length === 0
      ? Effect.void
      : Effect.logWarning("The guardrails remove protection that is there by default", {
          ...(namespaces.length === 0 ? {} : { namespaces: namespaces.join(", ") }),
          ...(managers.length === 0 ? {} : { managers: managers.join(", ") })
        })
  })

/** A rollback has the limits of an execution. */
const rollbackOptions = ({
  attempts,
  intentLifetime,
  readBackDelay
}: Executor.ExecutorOptions = {}): RollbackExecutor.RollbackOptions => ({
  ...(attempts === undefined ? {} : { attempts }),
  ...(intentLifetime === undefined ? {} : { intentLifetime }),
  ...(readBackDelay === undefined ? {} : { readBackDelay })
})

export const actors = ({
  actors,
  cluster,
  execution,
  guardrails: given,
  mode,
  rollback,
  verification
}: KubernautOptions<unknown, unknown>) => {
  const guardrails = inForce(given)
  const { maximumNodesOut, maximumScaleFactor, removableKinds } = guardrails
  const inMode = mode ?? "observe"
  return Layer.mergeAll(Reviews.layer(actors), RollbackRequests.layer(inMode), TakeUp.layer(cluster)).pipe(
    Layer.provideMerge(RemediationActors.layerLocal({ ...actors, cluster, mode: inMode, guardrails })),
    Layer.provideMerge(Layer.effectDiscard(logRemoved(guardrails))),
    Layer.provide([
      OwnerResolver.layer(),
      suspects,
      Executor.layer({
        redact,
        maximumNodesOut,
        maximumScaleFactor,
        removableKinds,
        isProtectedNamespace: (namespace) => isProtected(namespace, guardrails),
        ...execution
      }),
      RollbackExecutor.layer({ ...rollbackOptions(execution), ...rollback }),
      Verifier.layer(verification),
      // An embedder that has an Alertmanager provides the service.
      Layer.unwrap(
        Effect.map(
          Effect.serviceOption(FiringAlerts.FiringAlerts),
          Option.match({
            onNone: () => FiringAlerts.layerNone,
            onSome: (service) => Layer.succeed(FiringAlerts.FiringAlerts, service)
          })
        )
      )
    ])
  )
}
