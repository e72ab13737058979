/**
 * When work is due, by the severity of its alert. Whatever waits for a place (activations, and calls to the cluster and
 * to the models) is served by due time, earliest first.
 *
 * | severity | due                      |
 * | -------- | ------------------------ |
 * | critical | at once                  |
 * | warning  | 5 minutes after arrival  |
 * | info     | 30 minutes after arrival |
 * | none     | 30 minutes after arrival |
 *
 * What a person has approved or asked for is due at once, because they wait for it.
 *
 * So a critical alert overtakes every warning of the last five minutes. A graver alert that joins work makes it due
 * earlier, also for calls that already wait for a permit. Nothing starves: a due time never becomes later, so a warning
 * that has waited for five minutes is served before a critical alert that arrives after that.
 */

import type { Severity } from "./Alert.ts"

const minuteMs = 60_000

/** How long after its arrival work is due. */
export const allowanceMs: Readonly<Record<Severity, number>> = {
  critical: 0,
  warning: 5 * minuteMs,
  info: 30 * minuteMs,
  none: 30 * minuteMs
}

/** The monotonic moment at which work that arrives now is due. */
export const dueMs = (severity: Severity, nowMs: number): number => nowMs + allowanceMs[severity]
