/**
 * What a target would lose by the undo of an action that did not help.
 *
 * | the target, compared with the baseline                       | it would lose                      |
 * | ------------------------------------------------------------ | ---------------------------------- |
 * | has more ready pods                                          | pods that carry traffic            |
 * | is healthy, and was not                                      | its health                         |
 * | did not exist, and was created again                         | itself, once a pod of it is ready  |
 * | is a node that is not well, and the action keeps pods off it | the protection of pods from it     |
 * | anything else, or it is not known                            | nothing: it is as broken as it was |
 *
 * An alert may fire on for a second cause, or because what was done is not enough yet. To go back then would make an
 * incident worse, so nobody but a person does.
 *
 * Pods of a target whose containers still restart are ready for moments only, so they are not counted, nor are those of
 * an earlier template.
 */

import type { Intent } from "../domain/Execution.ts"
import type { Verification } from "../domain/Verification.ts"
import { createsTarget, goneSymptoms } from "./Symptoms.ts"
import { targetProblems } from "./TargetProblems.ts"

/** For people: what an undo would cost. `undefined`: nothing that is known. */
export const gainOf = (
  intent: Intent,
  { observed: now, reasons }: Pick<Verification, "observed" | "reasons">
): string | undefined => {
  const { action, baseline } = intent
  if (now === null || !now.exists) return undefined
  if (!createsTarget(intent) && (baseline.uid === null || now.uid !== baseline.uid)) return undefined
  const problems = targetProblems(now, baseline)
  if (now.ref.kind === "Node")
    return problems.length > 0 && (action.type === "CordonNode" || action.type === "DrainNode")
      ? `${now.ref.name} is not well, and the cordon keeps pods away from it`
      : undefined
  const [before, after] = [baseline.readyReplicas ?? 0, now.readyReplicas ?? 0]
  const restarts = reasons.some((reason) => reason.startsWith("restarting"))
  // Pods of an earlier template stay whether or not the action is undone.
  const areOld = now.pods.length > 0 && now.pods.every(({ current, ready }) => !ready || current === false)
  if (after > before && !restarts && !areOld) return `the target has ${after} ready pods, and had ${before}`
  return problems.length === 0 && goneSymptoms(intent, now).length > 0
    ? "the target is healthy, and was not before"
    : undefined
}
