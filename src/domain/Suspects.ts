/**
 * The changes that may have caused an alert: those of the objects that its target depends on, made before the first
 * symptom, ranked by a score.
 */

import { Schema } from "effect"
import { ObjectChange, WatchGap } from "./ObjectChange.ts"
import { Timestamp } from "./Timestamp.ts"

/** One change that may be the cause. */
export const Suspect = Schema.Struct({
  change: ObjectChange,
  /** 0 to 1. `changes/SuspectScore` states how it is made. */
  score: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  /** The number of edges between the target and the changed object. 0 for the target itself. */
  distance: Schema.Int,
  /** How the target depends on the object, such as `mounts ConfigMap shop/checkout-config`. */
  relation: Schema.String,
  /** Whether the pod template that it changed was changed again since, or just before. Absent: no, or no template. */
  followed: Schema.optionalKey(Schema.Boolean),
  /** Whether it created an object in place of one that had just been deleted. Absent: no. */
  replaced: Schema.optionalKey(Schema.Boolean),
  /** Why only a person can tell whether to take it back, however high its score is. Absent: nothing says so. */
  needsPerson: Schema.optionalKey(Schema.String),
  /** Why the score is what it is, one sentence each. */
  reasons: Schema.Array(Schema.String)
})
export type Suspect = typeof Suspect.Type

/** A change that would be a suspect, had Kubernaut not taken it back: it is not in force any more. */
export const TakenBack = Schema.Struct({
  change: ObjectChange,
  /** When it was taken back. */
  at: Timestamp,
  /** The remediation that did it. Absent for the removal of an object, which names nobody. */
  remediation: Schema.optionalKey(Schema.String)
})
export type TakenBack = typeof TakenBack.Type

/**
 * The suspects of an alert.
 *
 * | finding           | means                                                                 |
 * | ----------------- | --------------------------------------------------------------------- |
 * | `one`             | one suspect is clearly ahead of the others                            |
 * | `several`         | two or more have a similar score                                      |
 * | `nothing-changed` | everything was watched throughout, and nothing relevant changed       |
 * | `unknown`         | nothing relevant was seen, but something was not watched, or not read |
 */
export const Suspects = Schema.Struct({
  finding: Schema.Literals(["one", "several", "nothing-changed", "unknown"]),
  /** The best first. */
  ranked: Schema.Array(Suspect),
  /** The time up to which a change may be the cause. */
  symptomAt: Timestamp,
  /** The interval that was looked at begins here. */
  since: Timestamp,
  /** The gaps in that interval, of the kinds that matter. A finding of `one` may have gaps too. */
  gaps: Schema.Array(WatchGap),
  /** The parts of the graph that could not be read, such as `Ingress`, or whose changes are not recorded. */
  unread: Schema.Array(Schema.String),
  /**
   * What else explains the symptom as well as the suspects do, one sentence each: what fails besides, and changes that
   * could not be connected with the target. Absent: nothing is known to.
   */
  outages: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The newest first. Absent: none. */
  takenBack: Schema.optionalKey(Schema.Array(TakenBack))
})
export type Suspects = typeof Suspects.Type
