/** All fault kinds. Each may be drawn for every run whose scenario has its target. */

import type { FaultKind } from "./FaultKind.ts"
import { alertmanagerApiFaults } from "./kinds/AlertmanagerApi.ts"
import { breakerOperations } from "./kinds/BreakerOperations.ts"
import { clusterReplaced } from "./kinds/ClusterReplaced.ts"
import { dependencyFaults } from "./kinds/Dependency.ts"
import { emergencyFaults } from "./kinds/Emergencies.ts"
import { holmesGptStreamFaults } from "./kinds/HolmesGptStreams.ts"
import { hotfixDuringInvestigation } from "./kinds/HotfixDuringInvestigation.ts"
import { intakeFaults } from "./kinds/Intake.ts"
import { totalIsolation } from "./kinds/Isolation.ts"
import { kubernetesBackInTime } from "./kinds/KubernetesBackInTime.ts"
import { kubernetesChangesWhileAsked } from "./kinds/KubernetesChangesWhileAsked.ts"
import { kubernetesDeletion } from "./kinds/KubernetesDeletion.ts"
import { kubernetesDisruptionBudget } from "./kinds/KubernetesDisruptionBudget.ts"
import { kubernetesFixUnderWay } from "./kinds/KubernetesFixUnderWay.ts"
import { kubernetesInterference } from "./kinds/KubernetesInterference.ts"
import { kubernetesLateRefusal } from "./kinds/KubernetesLateRefusal.ts"
import { kubernetesLostAnswer } from "./kinds/KubernetesLostAnswer.ts"
import { kubernetesNonsense } from "./kinds/KubernetesNonsense.ts"
import { kubernetesRefusals } from "./kinds/KubernetesRefusals.ts"
import { kubernetesRestoredFails } from "./kinds/KubernetesRestoredFails.ts"
import { kubernetesReverts } from "./kinds/KubernetesReverts.ts"
import { kubernetesStaleRead } from "./kinds/KubernetesStaleRead.ts"
import { kubernetesUnavailable } from "./kinds/KubernetesUnavailable.ts"
import { kubernetesUnseenChange } from "./kinds/KubernetesUnseenChange.ts"
import { modelFaults } from "./kinds/Models.ts"
import { networkFaults } from "./kinds/Network.ts"
import { notificationFaults } from "./kinds/Notifications.ts"
import { operatorEmergencyStop } from "./kinds/OperatorEmergencyStop.ts"
import { operatorMode } from "./kinds/OperatorMode.ts"
import { ownOverload } from "./kinds/OwnOverload.ts"
import { peopleChange } from "./kinds/PeopleChange.ts"
import { processCrash } from "./kinds/ProcessCrash.ts"
import { processCrashAtWrite } from "./kinds/ProcessCrashAtWrite.ts"
import { processFaults } from "./kinds/Processes.ts"
import { prometheusFaults } from "./kinds/Prometheus.ts"
import { spoolFaults } from "./kinds/Spool.ts"
import { storageFaults } from "./kinds/Storage.ts"
import { telemetryFaults } from "./kinds/Telemetry.ts"
import { wallClockJump } from "./kinds/WallClockJump.ts"
import { watchFaults } from "./kinds/Watches.ts"

const ofCluster: ReadonlyArray<FaultKind> = [
  ...kubernetesRefusals,
  kubernetesLostAnswer,
  kubernetesLateRefusal,
  kubernetesStaleRead,
  kubernetesBackInTime,
  kubernetesUnseenChange,
  kubernetesChangesWhileAsked,
  kubernetesInterference,
  kubernetesFixUnderWay,
  kubernetesRestoredFails,
  kubernetesReverts,
  hotfixDuringInvestigation,
  kubernetesDeletion,
  kubernetesDisruptionBudget,
  kubernetesNonsense,
  peopleChange,
  ...watchFaults,
  clusterReplaced,
  ownOverload,
  ...storageFaults,
  ...spoolFaults,
  processCrashAtWrite,
  ...processFaults,
  wallClockJump,
  ...intakeFaults,
  ...prometheusFaults,
  breakerOperations,
  operatorMode,
  operatorEmergencyStop,
  ...telemetryFaults,
  ...notificationFaults,
  totalIsolation,
  ...emergencyFaults,
  ...alertmanagerApiFaults
]

/** Every built-in kind. The order has no effect on the plans that are drawn. */
export const all: ReadonlyArray<FaultKind> = [
  kubernetesUnavailable,
  processCrash,
  ...networkFaults,
  ...dependencyFaults,
  ...modelFaults,
  ...holmesGptStreamFaults,
  ...ofCluster
]

/** The built-in kinds by `name`, as plans and `Scenario.faults` name them. */
export const byName: ReadonlyMap<string, FaultKind> = new Map(all.map((kind) => [kind.name, kind]))
