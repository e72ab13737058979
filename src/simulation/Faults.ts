/** All kinds of faults. One that is added here may be drawn for every run whose scenario has its target. */
import type { FaultKind } from "./Fault.ts"
import { kubernetesUnavailable } from "./faults/KubernetesUnavailable.ts"
import { processCrash } from "./faults/ProcessCrash.ts"

export const all: ReadonlyArray<FaultKind> = [kubernetesUnavailable, processCrash]

export const byName: ReadonlyMap<string, FaultKind> = new Map(all.map((kind) => [kind.name, kind]))
