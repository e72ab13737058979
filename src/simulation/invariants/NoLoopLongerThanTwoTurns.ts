/**
 * The service does not go on with a loop: where somebody else has twice put back the spec from before an action, the
 * same action does not change that spec a third time unless a person has approved it.
 *
 * The cluster's own record of specs shows the turns. One that the service has undone itself is none.
 */

import { displayName } from "../../domain/Target.ts"
import type { SpecState } from "../farEnds/SpecHistory.ts"
import { hasTemplate } from "../farEnds/WorkloadObjects.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

interface Write {
  readonly action: string
  /** The digests of the spec that it changed. */
  readonly before: ReadonlyArray<string | null>
  /** Its place in the record of specs. */
  readonly place: number
}

const same = (left: ReadonlyArray<string | null>, right: ReadonlyArray<string | null>): boolean =>
  left.length > 0 && left[0] !== null && left[0] === right[0]

/** Whether somebody else put back the spec from before a write, before the next one. */
const isReverted = ({ before, place }: Write, next: Write, states: ReadonlyArray<SpecState>): boolean => {
  const back = states.slice(place + 1, next.place).filter(({ digests }) => same(digests, before))
  return back.length > 0 && back.every(({ by }) => by === "somebody") && same(before, next.before)
}

export const noLoopLongerThanTwoTurns: Invariant = {
  name: "no-loop-longer-than-two-turns",
  description: "A change that somebody else has reverted twice is not made a third time without an approval.",
  make: withTruth((_setting, report, { farEnds }) => {
    const approved = new Set<string>()
    const intended = new Map<string, { readonly action: string; readonly approved: boolean }>()
    const written = new Map<string, Array<Write>>()
    const counted = new Set<string>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Reviewed" && event.review.answer === "approved") approved.add(remediationId)
            if (event._tag !== "Intended") continue
            const { action, executionId } = event.intent
            intended.set(executionId, { action: action.type, approved: approved.has(remediationId) })
          }
        },
        ClusterWrite: ({ applied, change: { _tag, ref }, executionId }) => {
          if (applied !== "yes" || _tag !== "Patch" || !hasTemplate(ref) || executionId === undefined) return
          const intent = intended.get(executionId)
          if (intent === undefined || counted.has(executionId)) return
          counted.add(executionId)
          // The last state is that of this write.
          const states = farEnds.cluster.specs.of(ref)
          const before = states.at(-2)
          if (before === undefined) return
          const write = { action: intent.action, before: before.digests, place: states.length - 1 }
          const key = displayName(ref)
          const earlier = (written.get(key) ?? []).filter(({ action }) => action === write.action)
          const [first, second] = earlier.slice(-2)
          if (first !== undefined && second !== undefined && !intent.approved)
            if (isReverted(first, second, states) && isReverted(second, write, states))
              report(`${executionId} did ${write.action} on ${key} again, which somebody has reverted twice`)
          written.set(key, [...(written.get(key) ?? []), write])
        }
      }
    }
  })
}
