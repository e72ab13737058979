/** Alerts of our own cluster that are recorded as `Observed` and never worked on, whatever their severity. */

import { isSelfAlert, selfLabel } from "../domain/SelfAlert.ts"

type Labels = Readonly<Record<string, string>>

/** Whether an alert is the one that always fires, to show that alerts arrive. */
export const isWatchdog = (labels: Labels, watchdog: string | undefined): boolean =>
  watchdog !== undefined && labels["alertname"]?.trim() === watchdog

/** Why nothing is done about an alert; `undefined`: it is worked on. */
export const whyOnlyRecorded = (labels: Labels, watchdog: string | undefined): string | undefined => {
  if (isSelfAlert(labels))
    return `The alert is about Kubernaut itself (label ${selfLabel}). Kubernaut does not act on its own alerts: a person has to.`
  return isWatchdog(labels, watchdog)
    ? "The alert always fires, to show that alerts arrive. Nothing is wrong."
    : undefined
}
