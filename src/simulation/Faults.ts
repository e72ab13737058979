/** All kinds of faults. One that is added here may be drawn for every run whose scenario has its target. */

import type { FaultKind } from "./Fault.ts"
import { breakerOperations } from "./faults/BreakerOperations.ts"
import { dependencyFaults } from "./faults/Dependency.ts"
import { intakeFaults } from "./faults/Intake.ts"
import { kubernetesDeletion } from "./faults/KubernetesDeletion.ts"
import { kubernetesDisruptionBudget } from "./faults/KubernetesDisruptionBudget.ts"
import { kubernetesInterference } from "./faults/KubernetesInterference.ts"
import { kubernetesLostAnswer } from "./faults/KubernetesLostAnswer.ts"
import { kubernetesNonsense } from "./faults/KubernetesNonsense.ts"
import { kubernetesRefusals } from "./faults/KubernetesRefusals.ts"
import { kubernetesStaleRead } from "./faults/KubernetesStaleRead.ts"
import { kubernetesUnavailable } from "./faults/KubernetesUnavailable.ts"
import { modelFaults } from "./faults/Models.ts"
import { networkFaults } from "./faults/Network.ts"
import { operatorMode } from "./faults/OperatorMode.ts"
import { processCrash } from "./faults/ProcessCrash.ts"
import { processFaults } from "./faults/Processes.ts"
import { storageFaults } from "./faults/Storage.ts"
import { telemetryFaults } from "./faults/Telemetry.ts"
import { wallClockJump } from "./faults/WallClockJump.ts"

const ofCluster: ReadonlyArray<FaultKind> = [
  ...kubernetesRefusals,
  kubernetesLostAnswer,
  kubernetesStaleRead,
  kubernetesInterference,
  kubernetesDeletion,
  kubernetesDisruptionBudget,
  kubernetesNonsense,
  ...storageFaults,
  ...processFaults,
  wallClockJump,
  ...intakeFaults,
  breakerOperations,
  operatorMode,
  ...telemetryFaults
]

export const all: ReadonlyArray<FaultKind> = [
  kubernetesUnavailable,
  processCrash,
  ...networkFaults,
  ...dependencyFaults,
  ...modelFaults,
  ...ofCluster
]

export const byName: ReadonlyMap<string, FaultKind> = new Map(all.map((kind) => [kind.name, kind]))
