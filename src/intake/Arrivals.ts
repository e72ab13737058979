/** The alerts of a post, from the webhook to what is stored: cluster, target and admission of each. Pure. */

import { type Alert, type Severity, severityWords } from "../domain/Alert.ts"
import type { TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { AlertResolution, AlertStart } from "../storage/RemediationStore.ts"
import type { SpooledAlert } from "../storage/spool/SpooledPost.ts"
import { type AdmissionOptions, admits } from "./Admission.ts"
import * as AlertCluster from "./AlertCluster.ts"
import type { AlertClusterOptions, NotOurs } from "./AlertCluster.ts"
import { endOf, toAlert, type Webhook, type WebhookAlert } from "./AlertmanagerWebhook.ts"
import { type TargetLabels, targetOf, targetWithoutObject } from "./AlertTarget.ts"
import { whyOnlyRecorded } from "./OnlyRecorded.ts"

/** How alerts are read. */
export interface ArrivalOptions extends AlertClusterOptions {
  /**
   * Severities by the words that an organisation uses in the label `severity`, such as `P1`. They take precedence over
   * the words of `Alert.severityOf`. Default: none.
   */
  readonly severities?: Readonly<Record<string, Severity>>
  /**
   * The meaning of labels: a kind such as `Deployment`, `Namespace`, or `ignore`. They take precedence over the known
   * conventions. Default: none.
   */
  readonly targetLabels?: TargetLabels
  /** The name of the alert that always fires, to show that alerts arrive. It is recorded only. Default: none. */
  readonly watchdog?: string
}

/** An alert with its position in the post. */
export interface Arrival {
  readonly index: number
  readonly source: WebhookAlert
  readonly alert: Alert
  /** The alert is not about our cluster. */
  readonly notOurs: NotOurs | undefined
  /** Why nothing is done about an alert of our cluster. */
  readonly onlyRecorded: string | undefined
}

/** Alerts per transaction. A transaction of this size takes about 10 ms. */
const partSize = 200

/** Returns a function that converts the alerts of a post. */
export const make = (options: ArrivalOptions) => {
  const notOurs = AlertCluster.make(options)
  const severities = severityWords(options.severities ?? {})
  return ({ alerts, commonLabels, groupLabels }: Webhook): ReadonlyArray<Arrival> =>
    alerts.map((alert, index) => ({
      index,
      source: alert,
      alert: toAlert(alert, severities),
      notOurs: notOurs(alert.labels, commonLabels, groupLabels),
      onlyRecorded: whyOnlyRecorded(alert.labels, options.watchdog)
    }))
}

const partsOf = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / partSize) }, (_, index) =>
    items.slice(index * partSize, (index + 1) * partSize)
  )

/** The alerts of one status, in parts that are stored in one transaction each. */
export const partsWith = (arrivals: ReadonlyArray<Arrival>, status: WebhookAlert["status"]) =>
  partsOf(arrivals.filter(({ source }) => source.status === status))

export const distinct = (targets: ReadonlyArray<TargetKey>): ReadonlyArray<TargetKey> =>
  targets.length < 2 ? targets : [...new Set(targets)]

/** Splits arrivals by admission. Each admitted alert that waits for work counts as open for those after it. */
export const admit = (arrivals: ReadonlyArray<Arrival>, open: number, options: AdmissionOptions) => {
  const admitted: Array<Arrival> = []
  const refused: Array<Arrival> = []
  let waiting = open
  for (const arrival of arrivals) {
    if (arrival.notOurs !== undefined || arrival.onlyRecorded !== undefined) admitted.push(arrival)
    else if (admits(arrival.alert.severity, waiting, options)) {
      admitted.push(arrival)
      waiting++
    } else refused.push(arrival)
  }
  return { admitted, refused }
}

/**
 * The alert as it is stored, but for its id. An alert about another cluster has a target there, so it never shares one
 * with ours; an alert that names no cluster has a target of its own.
 */
export const firingOf = (
  { alert, notOurs, onlyRecorded, source }: Arrival,
  { cluster, targetLabels }: ArrivalOptions
): SpooledAlert => {
  const about = { fingerprint: alert.fingerprint, labels: source.labels }
  if (notOurs === undefined && onlyRecorded !== undefined)
    return { alert, target: targetWithoutObject(cluster, about), provisional: false, observed: onlyRecorded }
  if (notOurs === undefined) {
    const { candidates, provisional, target } = targetOf(cluster, about, targetLabels)
    return { alert: candidates === undefined ? alert : { ...alert, candidates }, target, provisional }
  }
  const target =
    notOurs.cluster === undefined
      ? targetWithoutObject(cluster, about)
      : targetOf(notOurs.cluster, about, targetLabels).target
  return { alert, target, provisional: false, observed: notOurs.reason }
}

/** What identifies the alert and its start in the store. */
export const startOf = ({ alert, notOurs }: Arrival, cluster: string): AlertStart => ({
  cluster: notOurs?.cluster ?? cluster,
  fingerprint: alert.fingerprint,
  startsAt: alert.startsAt
})

/** The end of a resolved alert that was received at `at`. */
export const resolutionOf = (arrival: Arrival, cluster: string, at: Timestamp): AlertResolution => ({
  ...startOf(arrival, cluster),
  endsAt: endOf(arrival.source, at)
})
