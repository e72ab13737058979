/**
 * Which faults of the catalogue may be injected into a running service, and where: those that disturb requests and
 * nothing else. What ends processes, moves clocks, breaks the disk, makes alerts up or writes to the cluster is the
 * simulator's alone.
 */

import { Result, Schema } from "effect"
import type { ModelPeer } from "../farEnds/paths/Wire.ts"
import type { FaultKind, FaultTarget } from "../faults/FaultKind.ts"
import * as Faults from "../faults/Faults.ts"
import { nameOf, type Requested } from "./Requested.ts"

/** Where faults are to be injected. */
export interface Place {
  readonly mode: string
  readonly clusterName: string
  /** Something depends on this cluster. */
  readonly isReal: boolean
  /** The name of the cluster on which somebody has allowed it. */
  readonly allowedOn?: string
  /** The models that the service asks. */
  readonly models: ReadonlyArray<ModelPeer>
}

/** Kinds that can be injected into a running service, by name. */
export const kinds: ReadonlyArray<FaultKind> = Faults.all.filter(({ disturb }) => disturb !== undefined)

const whyNot: Partial<Record<FaultTarget, string>> = {
  service: "it ends or stops the process, or is what an operator does",
  time: "it would move the clock of the whole machine",
  alertmanager: "it makes up alerts, or holds real ones back",
  operators: "it speaks for people",
  database: "a 202 promises that an alert is on disk, also while faults are injected",
  cluster: "it writes to the cluster itself",
  telemetrySink: "stop the collector instead, nothing depends on it"
}

/** Of what far ends come later. */
const whyNotElse = "it disturbs more than the requests to the cluster and the models"

const problemsOf = (requested: Requested, { isReal, mode, models }: Place): ReadonlyArray<string> => {
  const name = nameOf(requested)
  const kind = Faults.byName.get(name)
  if (kind === undefined) return [`there is no fault ${name}; allowed are ${kinds.map((each) => each.name).join(", ")}`]
  if (kind.disturb === undefined)
    return [
      `${name} is for the simulator alone: ${whyNot[kind.target] ?? whyNotElse}. Allowed are ${kinds.map((each) => each.name).join(", ")}`
    ]
  if (kind.target === "models" && models.length === 0) return [`${name} is about models, and none is configured`]
  if (isReal && kind.misleads === true && mode !== "observe")
    return [
      `${name} makes peers say what is not so, and real actions would follow from it: on a real cluster it is allowed in mode observe only`
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

/** Everything that speaks against injecting these there, each in a sentence. */
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
