/** All invariants that are checked in every run. */

import { amplification } from "./Amplification.ts"
import { answeredOnce } from "./AnsweredOnce.ts"
import { auditComplete } from "./AuditComplete.ts"
import { blastRadiusKept } from "./BlastRadiusKept.ts"
import { budgetsRespected } from "./BudgetsRespected.ts"
import { bulkheadRespected } from "./BulkheadRespected.ts"
import { essentialServices } from "./EssentialServices.ts"
import { figuresTrue } from "./FiguresTrue.ts"
import { firingAgainIsWork } from "./FiringAgainIsWork.ts"
import { foreignAlertsObserved } from "./ForeignAlertsObserved.ts"
import { gapsNeverQuiet } from "./GapsNeverQuiet.ts"
import { guardrailsHold } from "./GuardrailsHold.ts"
import { healedAtEnd } from "./HealedAtEnd.ts"
import { heartbeatArrives } from "./HeartbeatArrives.ts"
import { hedgesBounded } from "./HedgesBounded.ts"
import { intentBeforeWrite } from "./IntentBeforeWrite.ts"
import type { Invariant } from "./Invariant.ts"
import { inverseRestoresExactly } from "./InverseRestoresExactly.ts"
import { lateRefusalsTold } from "./LateRefusalsTold.ts"
import { leastPrivilege } from "./LeastPrivilege.ts"
import { legalTransitions } from "./LegalTransitions.ts"
import { levelFollows } from "./LevelFollows.ts"
import { modeRespected } from "./ModeRespected.ts"
import { neverFalselyFixed } from "./NeverFalselyFixed.ts"
import { newerSpecKept } from "./NewerSpecKept.ts"
import { noActionTwice } from "./NoActionTwice.ts"
import { noAlertLost } from "./NoAlertLost.ts"
import { noLoopLongerThanTwoTurns } from "./NoLoopLongerThanTwoTurns.ts"
import { noRequestAfterDeadline } from "./NoRequestAfterDeadline.ts"
import { noSecretLeaks } from "./NoSecretLeaks.ts"
import { noStampede } from "./NoStampede.ts"
import { nothingAfterDeadline } from "./NothingAfterDeadline.ts"
import { nothingLeaked } from "./NothingLeaked.ts"
import { notificationsNeverDoubled, notificationsNeverLost } from "./NotificationsArrive.ts"
import { oneActionAtATime } from "./OneActionAtATime.ts"
import { onlyOwnEffectsCredited } from "./OnlyOwnEffectsCredited.ts"
import { ownClusterOnly } from "./OwnClusterOnly.ts"
import { ownLimitsSayNothing } from "./OwnLimitsSayNothing.ts"
import { restartIntensity } from "./RestartIntensity.ts"
import { laterEditsKept, noUndoOfUndo, restoresRecordedFields } from "./RestoresAsRecorded.ts"
import { revisionsJudgedByTheirOwnPods } from "./RevisionsJudgedByTheirOwnPods.ts"
import { rightTarget } from "./RightTarget.ts"
import { rolledBackAtMostOnce } from "./RolledBackAtMostOnce.ts"
import { scopeKept } from "./ScopeKept.ts"
import { severeAlertsAreWorked } from "./SevereAlertsAreWorked.ts"
import { spendTrue } from "./SpendTrue.ts"
import { spoolInOrder } from "./SpoolInOrder.ts"
import { startedActionsEnd } from "./StartedActionsEnd.ts"
import { stopRespected } from "./StopRespected.ts"
import { suspensionsRespected } from "./SuspensionsRespected.ts"

/** The default of `Runner.runSeed`. To add one of your own, pass `[...Invariants.all, yours]`. */
export const all: ReadonlyArray<Invariant> = [
  noAlertLost,
  spoolInOrder,
  firingAgainIsWork,
  severeAlertsAreWorked,
  intentBeforeWrite,
  noActionTwice,
  rolledBackAtMostOnce,
  inverseRestoresExactly,
  rightTarget,
  revisionsJudgedByTheirOwnPods,
  foreignAlertsObserved,
  answeredOnce,
  newerSpecKept,
  restoresRecordedFields,
  laterEditsKept,
  noUndoOfUndo,
  gapsNeverQuiet,
  amplification,
  bulkheadRespected,
  nothingAfterDeadline,
  noRequestAfterDeadline,
  legalTransitions,
  suspensionsRespected,
  hedgesBounded,
  spendTrue,
  scopeKept,
  levelFollows,
  essentialServices,
  noStampede,
  noSecretLeaks,
  healedAtEnd,
  oneActionAtATime,
  startedActionsEnd,
  guardrailsHold,
  blastRadiusKept,
  noLoopLongerThanTwoTurns,
  ownClusterOnly,
  leastPrivilege,
  budgetsRespected,
  auditComplete,
  figuresTrue,
  neverFalselyFixed,
  lateRefusalsTold,
  onlyOwnEffectsCredited,
  modeRespected,
  stopRespected,
  ownLimitsSayNothing,
  restartIntensity,
  notificationsNeverLost,
  notificationsNeverDoubled,
  heartbeatArrives,
  nothingLeaked
]
