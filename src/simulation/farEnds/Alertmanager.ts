/**
 * Prometheus and Alertmanager in one: it watches the workloads, fires an alert about each broken one, sends it until it
 * is acknowledged, repeats it while it fires, and reports when it is resolved.
 *
 * It also breaks workloads: every `incidentEveryMs` of the scenario one gets a bad version. A person repairs a workload
 * that stays broken for long, so a run never ends with everything broken and nothing to do.
 *
 * It is a process of its own, which a crash of the service does not affect. Its requests succeed, fail, or are cut off
 * by a crash.
 */

import { Effect, Schedule } from "effect"
import type { ResourceRef } from "../../domain/Target.ts"
import type { Webhook } from "../../intake/AlertmanagerWebhook.ts"
import { fingerprintOf } from "../../intake/Fingerprint.ts"
import type { Process } from "../engine/Process.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { AlertIdentity, PostState } from "../observation/Observation.ts"
import { annotations } from "../observation/Secrets.ts"
import { symptomAlert } from "../scenarios/Scenario.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"
import type { ServiceConnection } from "./ServiceConnection.ts"
import { alertLabels, workloadLabels } from "./WorkloadAlerts.ts"

interface Firing extends AlertIdentity {
  readonly ref: ResourceRef
  readonly labels: Readonly<Record<string, string>>
  readonly sinceMs: number
  /** It is not resolved before this moment. */
  readonly leastUntilMs: number
  sentMs: number
}

/** Overlapping faults that duplicate webhooks multiply; this bounds the product. */
const mostDeliveries = 12

/** A webhook to be sent, and when. */
export interface Delivery {
  readonly afterMs: number
  readonly webhook: Webhook
}

/** The evaluation interval of the rules. Prometheus' default is a minute; most installations use less. */
const evaluateEveryMs = 30_000
/** How long a workload is broken before its alert fires: the `for` of the rule. */
const firesAfterMs = 20_000
/** The share of incidents with an alert for each broken pod, in addition to the one about the workload. */
const podAlertsShare = 0.5
/**
 * The share of bad versions that go to any workload instead of the one whose last release is longest ago. An alert that
 * fires again soon refutes the previous fix: if all did, no action would have a record that justifies another try.
 */
const soonAgainShare = 0.25
/** The share of incidents in which one pod fails by itself, where the scenario has sets. A rollback does not help. */
const sickShare = 0.15
/** The share of incidents in which the previous version is bad too, so that a rollback does not help. */
const flakyShare = 0.1
/** How long a rollout takes whose pods become ready. */
const completeAfterMs = 6_000
/** The first and the longest wait before a failed notification is sent again. Alertmanager backs off as well. */
const retryMs = 5_000
const retryCapMs = 60_000
/**
 * When an alert that still fires is sent again: a short `repeat_interval`, as Alertmanager's default is 4 hours.
 */
const repeatEveryMs = 60_000
/** After how long a person repairs a workload. */
const personComesAfterMs = 10 * 60_000

const retries = Schedule.min([Schedule.exponential(retryMs), Schedule.spaced(retryCapMs)])

export class Alertmanager implements FarEnd {
  readonly name = "alertmanager"
  private readonly setting: Setting
  private readonly cluster: Cluster
  private readonly service: ServiceConnection
  private readonly random: SeededRandom
  private readonly firing = new Map<string, Firing>()
  private readonly broken = new Set<string>()
  private readonly unsent = new Map<string, string>()
  private readonly disturbances = new ActiveFaults<(webhook: Webhook) => ReadonlyArray<Delivery>>()
  private process: Process | undefined
  private breaking = true
  /** The workloads by their last release, the oldest first. */
  private releases: ReadonlyArray<ResourceRef> = []

  constructor(setting: Setting, cluster: Cluster, service: ServiceConnection) {
    this.setting = setting
    this.cluster = cluster
    this.service = service
    this.random = setting.world.random("alertmanager")
  }

  start(): void {
    const { scenario, world } = this.setting
    this.process = world.boot("alertmanager", Effect.never)
    this.releases = this.cluster.workloads
    const everyMs = (ms: number, action: () => void) => {
      const again = () => {
        action()
        world.at(world.nowMs + ms, again)
      }
      world.at(world.nowMs + ms, again)
    }
    world.at(0, () => this.incident())
    everyMs(scenario.incidentEveryMs, () => this.incident())
    everyMs(evaluateEveryMs, () => this.evaluate())
  }

  /** Replaces each webhook by these deliveries, until the returned function is called. */
  disturb(disturbance: (webhook: Webhook) => ReadonlyArray<Delivery>): () => void {
    return this.disturbances.add(disturbance)
  }

  /** Every healthy workload gets a bad version at once. */
  breakAll(): void {
    for (let count = this.cluster.workloads.length; count > 0; count--) this.incident()
  }

  /**
   * Fires one more alert about a workload. For a healthy one it is a false alarm, which resolves at a later evaluation.
   */
  alarm(ref: ResourceRef): void {
    this.fire(ref, alertLabels(ref, "mismatch", "warning"), evaluateEveryMs)
  }

  /**
   * A workload breaks, and its alerts come in one webhook: the least severe first, as the groups of Alertmanager have
   * no order.
   */
  riseInSeverity(): void {
    const ref = this.releases.find(({ name }) => !this.broken.has(name))
    if (!this.breaking || ref === undefined) return
    const { world } = this.setting
    this.releases = [...this.releases.filter((each) => each !== ref), ref]
    this.broken.add(ref.name)
    this.cluster.breakRollout(ref)
    world.at(world.nowMs + firesAfterMs, () => {
      if (this.cluster.isHealthy(ref)) return void this.broken.delete(ref.name)
      const group = [
        this.begin(ref, alertLabels(ref, "generation", "info")),
        this.begin(ref, alertLabels(ref, "mismatch", "warning")),
        this.begin(ref, alertLabels(ref, "stuck", "critical"))
      ]
      for (const firing of group) this.announce(firing, "firing")
      const alerts = group.flatMap((firing) => this.webhook(firing, "firing").alerts)
      this.dispatch({ version: "4", status: "firing", alerts }, `${nameOf(group[0]!, "firing")} and others`)
    })
  }

  /**
   * Alerts that fire are reported as resolved, and soon as firing again with the same start. Alertmanager does so when
   * the `endsAt` of an alert passes before Prometheus sends it again.
   */
  flap(gapMs: number, does: () => boolean): void {
    const { world } = this.setting
    for (const firing of this.firing.values()) {
      if (!does()) continue
      const when = `flapping at ${world.nowMs} ms`
      this.dispatch(this.webhook(firing, "resolved"), `${nameOf(firing, "resolved")}, ${when}`)
      world.at(world.nowMs + gapMs, () => {
        if (this.firing.get(firing.fingerprint) !== firing) return
        this.announce(firing, "firing")
        this.dispatch(this.webhook(firing, "firing"), `${nameOf(firing, "firing")}, ${when}`)
      })
    }
  }

  /** A symptom of a workload lasts for at least so long, whatever the workload does. */
  suffer(ref: ResourceRef, forMs: number): void {
    const labels = { alertname: symptomAlert, severity: "warning", ...workloadLabels(ref) }
    if (!this.firing.has(fingerprintOf(labels))) this.fire(ref, labels, forMs)
  }

  /** The alerts that fire now. */
  get fingerprints(): ReadonlyArray<string> {
    return [...this.firing.keys()]
  }

  /** The alerts of a name that fire now. */
  named(alertname: string): ReadonlyArray<Pick<Firing, "fingerprint" | "labels">> {
    return [...this.firing.values()].filter(({ labels }) => labels["alertname"] === alertname)
  }

  /** Since when a symptom's alert has been firing; `undefined` for another alert, and for one that does not fire. */
  suffersSinceMs(fingerprint: string): number | undefined {
    const firing = this.firing.get(fingerprint)
    return firing?.labels["alertname"] === symptomAlert ? firing.sinceMs : undefined
  }

  heal(): void {
    this.breaking = false
  }

  pending(): ReadonlyArray<string> {
    return [...this.unsent.values()].map((what) => `${what} has not been acknowledged`)
  }

  /** A workload gets a bad version, and after a while an alert about it fires. */
  private incident(): void {
    if (!this.breaking) return
    const well = this.releases.filter((ref) => !this.broken.has(ref.name))
    const [longestAgo] = well
    if (longestAgo === undefined) return
    const ref = this.random.chance(soonAgainShare) ? this.random.pick(well) : longestAgo
    this.releases = [...this.releases.filter((each) => each !== ref), ref]
    this.broken.add(ref.name)
    const { scenario, world } = this.setting
    if (scenario.sets === true && this.random.chance(sickShare)) return this.sickPod(ref)
    if (this.random.chance(flakyShare)) {
      this.cluster.breakRollout(ref, "flaky")
      world.at(world.nowMs + completeAfterMs, () => this.cluster.breakRollout(ref))
    } else this.cluster.breakRollout(ref)
    world.at(world.nowMs + firesAfterMs, () => {
      if (this.cluster.isHealthy(ref)) return void this.broken.delete(ref.name)
      this.fire(ref, alertLabels(ref, "stuck", "critical"))
      if (!this.random.chance(podAlertsShare)) return
      // The service must find out that they are one incident.
      for (const pod of this.cluster.brokenPods(ref))
        this.fire(ref, { alertname: "KubePodCrashLooping", severity: "warning", namespace: ref.namespace, pod })
    })
  }

  /** One pod of a workload fails, and after a while an alert about it fires. */
  private sickPod(ref: ResourceRef): void {
    const { world } = this.setting
    const pod = this.cluster.sicken(ref)
    world.at(world.nowMs + firesAfterMs, () => {
      if (pod === undefined || this.cluster.isHealthy(ref)) return void this.broken.delete(ref.name)
      this.fire(ref, { alertname: "KubePodNotReady", severity: "warning", namespace: ref.namespace, pod })
    })
  }

  private fire(ref: ResourceRef, labels: Firing["labels"], leastMs = 0): void {
    this.send(this.begin(ref, labels, leastMs), "firing")
  }

  private begin(ref: ResourceRef, labels: Firing["labels"], leastMs = 0): Firing {
    const { world } = this.setting
    const firing: Firing = {
      ref,
      labels,
      sinceMs: world.nowMs,
      leastUntilMs: world.nowMs + leastMs,
      sentMs: world.nowMs,
      // Computed from the labels: the same whenever this alert fires.
      fingerprint: fingerprintOf(labels),
      startsAt: timeOf(world.wallStartMs + world.nowMs)
    }
    this.firing.set(firing.fingerprint, firing)
    return firing
  }

  private evaluate(): void {
    const { world } = this.setting
    for (const firing of this.firing.values()) {
      if (this.cluster.isHealthy(firing.ref) && world.nowMs >= firing.leastUntilMs) {
        this.firing.delete(firing.fingerprint)
        this.broken.delete(firing.ref.name)
        this.send(firing, "resolved")
        continue
      }
      if (world.nowMs - firing.sinceMs >= personComesAfterMs) this.cluster.repair(firing.ref)
      if (world.nowMs - firing.sentMs >= repeatEveryMs) this.repeat(firing)
    }
  }

  private repeat(firing: Firing): void {
    const what = nameOf(firing, "firing")
    // The previous notification is still being sent.
    if (this.unsent.has(what)) return
    firing.sentMs = this.setting.world.nowMs
    this.dispatch(this.webhook(firing, "firing"), `${what}, repeated at ${firing.sentMs} ms`)
  }

  private announce({ fingerprint, ref, startsAt }: Firing, status: "firing" | "resolved"): void {
    const alert = { fingerprint, startsAt }
    this.setting.observations.publish({ _tag: "AlertSent", alert, firing: status === "firing", about: ref })
  }

  private send(firing: Firing, status: "firing" | "resolved"): void {
    this.announce(firing, status)
    this.dispatch(this.webhook(firing, status), nameOf(firing, status))
  }

  /** Sends a webhook, disturbed by the active faults. */
  private dispatch(webhook: Webhook, what: string): void {
    const deliveries = [...this.disturbances].reduce<ReadonlyArray<Delivery>>(
      (all, disturbance) =>
        all
          .flatMap((delivery) =>
            disturbance(delivery.webhook).map((next) => ({ ...next, afterMs: delivery.afterMs + next.afterMs }))
          )
          .slice(0, mostDeliveries),
      [{ afterMs: 0, webhook }]
    )
    deliveries.forEach((delivery, index) =>
      this.deliver(delivery, index === 0 ? what : `${what}, once more (${index})`)
    )
  }

  /**
   * Sends a webhook until it is acknowledged, and publishes the result for each alert. `what` describes the delivery
   * and is unique.
   */
  deliver({ afterMs, webhook }: Delivery, what: string): void {
    const { world } = this.setting
    this.unsent.set(what, what)
    if (afterMs === 0) this.post(webhook, what)
    else world.at(world.nowMs + afterMs, () => this.post(webhook, what))
  }

  private post(webhook: Webhook, what: string): void {
    const { observations } = this.setting
    const alerts = alertsOf(webhook)
    for (const { alert, firing } of alerts) observations.publish({ _tag: "AlertPosted", alert, firing })
    const is = (state: PostState) => observations.publish({ _tag: "PostIs", state, alerts })
    const post = Effect.suspend(() => {
      is("tried")
      return this.service.call(this.process!, (kubernaut) => kubernaut.receive(webhook))
    }).pipe(
      // A defect in the service is a 500.
      Effect.catchDefect(() => Effect.fail("broken" as const)),
      Effect.filterOrFail(
        (receipt) => receipt.shed === 0,
        () => "shed" as const
      ),
      Effect.tapError((error) => Effect.sync(() => is(this.putOff(error)))),
      Effect.retry(retries)
    )
    this.process!.fork(post, (exit) => {
      if (exit._tag === "Failure") return
      this.unsent.delete(what)
      exit.value.results.forEach(({ fingerprint, remediationId, spooled, status }, index) => {
        const { endsAt, startsAt, status: sent } = webhook.alerts[index]!
        observations.publish({
          _tag: "AlertAnswered",
          alert: { fingerprint, startsAt: timeOf(Date.parse(startsAt)) },
          firing: sent === "firing",
          status,
          ...(sent === "firing" || typeof endsAt !== "string" ? {} : { endsAt }),
          ...(spooled === undefined ? {} : { spooled }),
          ...(remediationId === undefined ? {} : { remediationId })
        })
      })
    })
  }

  /** An `Unreachable` is no response. */
  private putOff(error: "shed" | "broken" | { readonly _tag: string }): PostState {
    const how = typeof error === "string" ? error : error._tag === "StorageError" ? "not-stored" : undefined
    if (how !== undefined) this.setting.observations.publish({ _tag: "AlertPutOff", how })
    return how ?? "unreachable"
  }

  private webhook(firing: Firing, status: "firing" | "resolved"): Webhook {
    const { world } = this.setting
    return {
      version: "4",
      status,
      alerts: [
        {
          status,
          labels: firing.labels,
          annotations,
          startsAt: firing.startsAt,
          endsAt: status === "firing" ? "0001-01-01T00:00:00Z" : timeOf(world.wallStartMs + world.nowMs),
          fingerprint: firing.fingerprint
        }
      ]
    }
  }
}

/** The alerts of a webhook. Odd webhooks have no fingerprint, or times that are none. */
const alertsOf = ({ alerts }: Webhook) =>
  alerts.flatMap(({ fingerprint, startsAt, status }) => {
    const startedMs = Date.parse(startsAt)
    if (typeof fingerprint !== "string" || Number.isNaN(startedMs)) return []
    return [{ alert: { fingerprint, startsAt: timeOf(startedMs) }, firing: status === "firing" }]
  })

const nameOf = ({ fingerprint, startsAt }: Firing, status: "firing" | "resolved"): string =>
  `${status} ${fingerprint} of ${startsAt}`

const timeOf = (ms: number): string => new Date(ms).toISOString()
