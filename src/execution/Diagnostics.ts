/**
 * `CollectDiagnostics`: describes a target for the person who receives the alert. The text contains its state, why its
 * pods are not ready, its events, and the last log lines of its failing containers.
 *
 * Logs and event messages may contain secrets, so they are included only if the caller redacts them. The text has at
 * most 8,000 characters, so that it fits a journal row. Of each log, at most the last 16,000 are read: a line may have
 * a million, and nothing else runs while they are redacted.
 */

import { Effect } from "effect"
import type { Intent } from "../domain/Execution.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { asKind } from "./Plan.ts"

type Client = KubernetesClient["Service"]

const maximumLength = 8000
const maximumEvents = 20
const maximumPods = 5
const logLines = 20
const logCharacters = 16_000

const stateLines = (state: WorkloadState): ReadonlyArray<string> => [
  `${displayName(state.ref)}: ${state.exists ? `${state.readyReplicas ?? "?"} of ${state.desiredReplicas ?? "?"} ready` : "does not exist"}`,
  ...state.conditions.map((condition) => `condition ${condition.type}=${condition.status} ${condition.reason}`),
  ...state.pods
    .filter((pod) => !pod.ready)
    .map((pod) => `pod ${pod.name}: ${pod.reason ?? "not ready"}, ${pod.restarts} restarts`)
]

const eventLines = (client: Client, ref: ResourceRef, redact: ((text: string) => string) | undefined) =>
  Effect.map(
    client.list("Event", {
      namespace: ref.namespace,
      involvedObject: { kind: ref.kind, name: ref.name },
      limit: maximumEvents
    }),
    (events) =>
      events.flatMap((object) => {
        const event = asKind(object, "Event")
        if (event === undefined) return []
        const line = `event ${ref.kind} ${ref.name} ${event.reason ?? ""} ×${event.count ?? 1}`
        return [redact === undefined ? line : `${line}: ${redact(event.message ?? "")}`]
      })
  )

/** The last whole lines. A cut within a line could remove the name that marks a secret. */
const tailOf = (log: string): string => {
  if (log.length <= logCharacters) return log
  const start = log.indexOf("\n", log.length - logCharacters - 1)
  return `… (cut)\n${start === -1 ? "" : log.slice(start + 1)}`
}

/** The logs of the terminated run, or of the current run if none has terminated. A container that never ran has no logs. */
const podLogs = (client: Client, pod: ResourceRef, redact: (text: string) => string) =>
  client.logs(pod, { previous: true, tailLines: logLines }).pipe(
    Effect.catch(() => client.logs(pod, { tailLines: logLines })),
    Effect.map((text) => [`logs of ${pod.name}:`, redact(tailOf(text))]),
    Effect.orElseSucceed((): ReadonlyArray<string> => [])
  )

export const collect = Effect.fnUntraced(function* (
  client: Client,
  intent: Intent,
  redact: ((text: string) => string) | undefined
): Effect.fn.Return<string, KubernetesError> {
  const state = intent.baseline
  const pods = state.pods
    .filter((pod) => !pod.ready)
    .slice(0, maximumPods)
    .map((pod): ResourceRef => ({ namespace: state.ref.namespace, kind: "Pod", name: pod.name }))
  const events = yield* Effect.forEach([state.ref, ...pods], (ref) => eventLines(client, ref, redact))
  const logs = redact === undefined ? [] : yield* Effect.forEach(pods, (pod) => podLogs(client, pod, redact))
  const text = [...stateLines(state), ...events.flat(), ...logs.flat()].join("\n")
  return text.length <= maximumLength ? text : `${text.slice(0, maximumLength)}\n… (cut)`
})
