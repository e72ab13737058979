/** All planted bugs. */

import { absentCalledResolved } from "./bugs/AbsentCalledResolved.ts"
import { acknowledgedBeforeCommit } from "./bugs/AcknowledgedBeforeCommit.ts"
import { acknowledgedBeforeSync } from "./bugs/AcknowledgedBeforeSync.ts"
import { actionsCountTwice } from "./bugs/ActionsCountTwice.ts"
import { alertInError } from "./bugs/AlertInError.ts"
import { anotherValueRestored } from "./bugs/AnotherValueRestored.ts"
import { anyObject } from "./bugs/AnyObject.ts"
import { appendedBehindTheTornEnd } from "./bugs/AppendedBehindTheTornEnd.ts"
import { auditLineMissing } from "./bugs/AuditLineMissing.ts"
import { breakerStaysOpen } from "./bugs/BreakerStaysOpen.ts"
import { budgetsIgnored } from "./bugs/BudgetsIgnored.ts"
import { bulkheadOffByOne } from "./bugs/BulkheadOffByOne.ts"
import { clusterListsAgain } from "./bugs/ClusterListsAgain.ts"
import { controllerNotAsked } from "./bugs/ControllerNotAsked.ts"
import { cooldownDropped } from "./bugs/CooldownDropped.ts"
import { doubleAction } from "./bugs/DoubleAction.ts"
import { endsWithItsLead } from "./bugs/EndsWithItsLead.ts"
import { estimateKept } from "./bugs/EstimateKept.ts"
import { eventsNotRedacted } from "./bugs/EventsNotRedacted.ts"
import { eventsOverlooked } from "./bugs/EventsOverlooked.ts"
import { fenceNotChecked } from "./bugs/FenceNotChecked.ts"
import { fingerprintOnly } from "./bugs/FingerprintOnly.ts"
import { gapForgotten } from "./bugs/GapForgotten.ts"
import { healthyCalledFixed } from "./bugs/HealthyCalledFixed.ts"
import { heartbeatTooRare } from "./bugs/HeartbeatTooRare.ts"
import { hedgeAtOnce } from "./bugs/HedgeAtOnce.ts"
import { hedgeWithoutToken } from "./bugs/HedgeWithoutToken.ts"
import { hotfixCredited } from "./bugs/HotfixCredited.ts"
import { hourForgotten } from "./bugs/HourForgotten.ts"
import { identityByList } from "./bugs/IdentityByList.ts"
import { identityNotChecked } from "./bugs/IdentityNotChecked.ts"
import { keyOfTheAttempt } from "./bugs/KeyOfTheAttempt.ts"
import { lateOutcomeCounts } from "./bugs/LateOutcomeCounts.ts"
import { laterEditLost } from "./bugs/LaterEditLost.ts"
import { levelRisesAtOnce } from "./bugs/LevelRisesAtOnce.ts"
import { logsPastTheBulkhead } from "./bugs/LogsPastTheBulkhead.ts"
import { loopGoesOn } from "./bugs/LoopGoesOn.ts"
import { loserFree } from "./bugs/LoserFree.ts"
import { lostWakeUp } from "./bugs/LostWakeUp.ts"
import { moreRestored } from "./bugs/MoreRestored.ts"
import { nobodyTakesOver } from "./bugs/NobodyTakesOver.ts"
import { noPatience } from "./bugs/NoPatience.ts"
import { noStabilisation } from "./bugs/NoStabilisation.ts"
import { noStatusInAnEmergency } from "./bugs/NoStatusInAnEmergency.ts"
import { notificationGivenUp } from "./bugs/NotificationGivenUp.ts"
import { notReserved } from "./bugs/NotReserved.ts"
import { numberGivenTwice } from "./bugs/NumberGivenTwice.ts"
import { oldProposalCarriedOut } from "./bugs/OldProposalCarriedOut.ts"
import { otherClusterNotChecked } from "./bugs/OtherClusterNotChecked.ts"
import { otherTierOfTheAccount } from "./bugs/OtherTierOfTheAccount.ts"
import { outdatedReadBelieved } from "./bugs/OutdatedReadBelieved.ts"
import { ownerByNamePrefix } from "./bugs/OwnerByNamePrefix.ts"
import { permitForNobody } from "./bugs/PermitForNobody.ts"
import { podsBlamedForAnotherRevision } from "./bugs/PodsBlamedForAnotherRevision.ts"
import { poolsForgotten } from "./bugs/PoolsForgotten.ts"
import { positionBeforeNotifications } from "./bugs/PositionBeforeNotifications.ts"
import { probePermitLeaks } from "./bugs/ProbePermitLeaks.ts"
import { protectedNamespaceDropped } from "./bugs/ProtectedNamespaceDropped.ts"
import { queuePastTheBreaker } from "./bugs/QueuePastTheBreaker.ts"
import { rampForgotten } from "./bugs/RampForgotten.ts"
import { refusalOverlooked } from "./bugs/RefusalOverlooked.ts"
import { replayedOutOfOrder } from "./bugs/ReplayedOutOfOrder.ts"
import { replayedTwice } from "./bugs/ReplayedTwice.ts"
import { resolvedIgnored } from "./bugs/ResolvedIgnored.ts"
import { restartForgetsLevel } from "./bugs/RestartForgetsLevel.ts"
import { restartsWithoutEnd } from "./bugs/RestartsWithoutEnd.ts"
import { retryWithoutBudget } from "./bugs/RetryWithoutBudget.ts"
import { reviewForgotten } from "./bugs/ReviewForgotten.ts"
import { risesNotCounted } from "./bugs/RisesNotCounted.ts"
import { secretsInPrompts } from "./bugs/SecretsInPrompts.ts"
import { severityIgnored } from "./bugs/SeverityIgnored.ts"
import { startIdentifies } from "./bugs/StartIdentifies.ts"
import { stopNotAsked } from "./bugs/StopNotAsked.ts"
import { successesNotCounted } from "./bugs/SuccessesNotCounted.ts"
import { suspendedForSeconds } from "./bugs/SuspendedForSeconds.ts"
import { sweepNeverRuns } from "./bugs/SweepNeverRuns.ts"
import { tornEndStopsTheReplay } from "./bugs/TornEndStopsTheReplay.ts"
import { turnsNotTaken } from "./bugs/TurnsNotTaken.ts"
import { undoneTwice } from "./bugs/UndoneTwice.ts"
import { unknownCalledFixed } from "./bugs/UnknownCalledFixed.ts"
import { versionNotNamed } from "./bugs/VersionNotNamed.ts"
import { wallClockBelieved } from "./bugs/WallClockBelieved.ts"
import { writeBeforeIntent } from "./bugs/WriteBeforeIntent.ts"
import { writeNeverGivenUp } from "./bugs/WriteNeverGivenUp.ts"
import type { PlantedBug } from "./PlantedBug.ts"

export const all: ReadonlyArray<PlantedBug> = [
  anyObject,
  estimateKept,
  hedgeAtOnce,
  hedgeWithoutToken,
  hourForgotten,
  loserFree,
  notReserved,
  suspendedForSeconds,
  otherTierOfTheAccount,
  absentCalledResolved,
  acknowledgedBeforeCommit,
  acknowledgedBeforeSync,
  replayedOutOfOrder,
  replayedTwice,
  tornEndStopsTheReplay,
  appendedBehindTheTornEnd,
  numberGivenTwice,
  alertInError,
  auditLineMissing,
  actionsCountTwice,
  breakerStaysOpen,
  budgetsIgnored,
  bulkheadOffByOne,
  clusterListsAgain,
  controllerNotAsked,
  cooldownDropped,
  doubleAction,
  endsWithItsLead,
  eventsNotRedacted,
  eventsOverlooked,
  fenceNotChecked,
  fingerprintOnly,
  identityByList,
  identityNotChecked,
  healthyCalledFixed,
  hotfixCredited,
  lateOutcomeCounts,
  logsPastTheBulkhead,
  loopGoesOn,
  lostWakeUp,
  nobodyTakesOver,
  noPatience,
  noStabilisation,
  otherClusterNotChecked,
  oldProposalCarriedOut,
  ownerByNamePrefix,
  permitForNobody,
  podsBlamedForAnotherRevision,
  poolsForgotten,
  probePermitLeaks,
  protectedNamespaceDropped,
  queuePastTheBreaker,
  refusalOverlooked,
  resolvedIgnored,
  restartsWithoutEnd,
  retryWithoutBudget,
  reviewForgotten,
  secretsInPrompts,
  startIdentifies,
  stopNotAsked,
  severityIgnored,
  successesNotCounted,
  sweepNeverRuns,
  turnsNotTaken,
  unknownCalledFixed,
  versionNotNamed,
  outdatedReadBelieved,
  wallClockBelieved,
  writeBeforeIntent,
  writeNeverGivenUp,
  anotherValueRestored,
  undoneTwice,
  gapForgotten,
  laterEditLost,
  moreRestored,
  levelRisesAtOnce,
  rampForgotten,
  noStatusInAnEmergency,
  restartForgetsLevel,
  risesNotCounted,
  notificationGivenUp,
  heartbeatTooRare,
  keyOfTheAttempt,
  positionBeforeNotifications
]
