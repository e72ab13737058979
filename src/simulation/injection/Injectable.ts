/**
 * Which faults may be injected into a running service, and where: those that only disturb requests. Faults that end
 * processes, move clocks, break the disk, invent alerts or write to the cluster exist only in the simulator.
 */

import { Result, Schema } from "effect"
import type { ModelPeer } from "../farEnds/paths/Wire.ts"
import type { FaultKind, FaultTarget } from "../faults/FaultKind.ts"
import * as Faults from "../faults/Faults.ts"
import { nameOf, type Requested } from "./Requested.ts"

/** The service into which faults are to be injected, as far as it matters for permission. */
export interface Place {
  /** The mode of the service: `observe`, `approve` or `auto`. */
  readonly mode: string
  /** The name of its cluster. */
  readonly clusterName: string
  /** A real cluster, on which something depends; not the sandbox. */
  readonly isReal: boolean
  /** The name of the cluster on which somebody has allowed injection. */
  readonly allowedOn?: string
  /** The models that the service uses. */
  readonly models: ReadonlyArray<ModelPeer>
}

/** The built-in kinds that can be injected into a running service: those defined with `FaultKind.onWire`. */
export const kinds: ReadonlyArray<FaultKind> = Faults.all.filter(({ disturb }) => disturb !== undefined)

const whyNot: Partial<Record<FaultTarget, string>> = {
  service: "it ends or pauses the process, or imitates an operator",
  time: "it would move the clock of the whole machine",
  alertmanager: "it invents alerts, or holds back real ones",
  operators: "it speaks for people",
  database: "a 202 must mean that an alert is on disk, even while faults are injected",
  spoolFolder: "a 202 must mean that an alert is on disk, even while faults are injected",
  cluster: "it writes to the cluster itself",
  container: "use up the CPU or the memory of the container instead",
  alertList: "stop Alertmanager instead: only verification asks it",
  telemetrySink: "stop the collector instead: nothing depends on it",
  notificationSinks: "stop the receiver instead: no other part depends on it"
}

/** For targets without a reason of their own. */
const whyNotDefault = "it disturbs more than the requests to the cluster and the models"

const problemsOf = (requested: Requested, { isReal, mode, models }: Place): ReadonlyArray<string> => {
  const name = nameOf(requested)
  const kind = Faults.byName.get(name)
  if (kind === undefined) return [`there is no fault ${name}; allowed are ${kinds.map((each) => each.name).join(", ")}`]
  if (kind.disturb === undefined)
    return [
      `${name} works only in the simulator: ${whyNot[kind.target] ?? whyNotDefault}. Allowed are ${kinds.map((each) => each.name).join(", ")}`
    ]
  if (kind.target === "models" && models.length === 0) return [`${name} is about models, and none is configured`]
  if (isReal && kind.misleads === true && mode !== "observe")
    return [
      `${name} makes peers return falsehoods, which would lead to real actions: on a real cluster it is allowed in mode observe only`
    ]
  if (typeof requested === "string") return []
  const parameters = Schema.decodeResult(kind.parameters, { onExcessProperty: "error" })(requested.parameters)
  if (Result.isFailure(parameters))
    return [`the parameters of ${name} are wrong: ${parameters.failure.message.replaceAll(/\s+/g, " ")}`]
  const known: ReadonlyArray<unknown> = [...models, ...(kind.target === "network" ? ["cluster"] : [])]
  const peers = requested.parameters["peers"]
  const unknown = Array.isArray(peers) ? peers.filter((peer) => !known.includes(peer)) : []
  return unknown.map(
    (peer) => `${name} names the peer ${String(peer)}, which is not configured; there are ${known.join(", ")}`
  )
}

/** Every reason not to inject these faults there, each as a sentence. Empty where injection is allowed. */
export const problems = (requested: ReadonlyArray<Requested>, place: Place): ReadonlyArray<string> => {
  const { allowedOn, clusterName, isReal, mode } = place
  const unasked = requested.length > 0 && isReal && mode !== "observe" && allowedOn !== clusterName
  return [
    ...requested.flatMap((each) => problemsOf(each, place)),
    ...(unasked
      ? [
          `the cluster is real and the mode is ${mode}: faults are injected there in mode observe, or where KUBERNAUT_FAULT_CLUSTER is the cluster's name, ${clusterName}`
        ]
      : [])
  ]
}
