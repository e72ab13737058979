/** All kinds of faults. One that is added here may be drawn for every run whose scenario has its target. */
import type { FaultKind } from "./Fault.ts"
import { dependencyFaults } from "./faults/Dependency.ts"
import { kubernetesUnavailable } from "./faults/KubernetesUnavailable.ts"
import { modelFaults } from "./faults/Models.ts"
import { networkFaults } from "./faults/Network.ts"
import { processCrash } from "./faults/ProcessCrash.ts"

export const all: ReadonlyArray<FaultKind> = [kubernetesUnavailable, processCrash, ...networkFaults, ...dependencyFaults, ...modelFaults]

export const byName: ReadonlyMap<string, FaultKind> = new Map(all.map((kind) => [kind.name, kind]))
