/**
 * Another cluster that shares the Alertmanager with ours and has workloads of the same names. Its alerts look like ours
 * except for the label `cluster`.
 *
 * Each of them names a workload of ours, so a service that does not check the label works on a workload of its own.
 */

import type { Webhook, WebhookAlert } from "../../intake/AlertmanagerWebhook.ts"
import { fingerprintOf } from "../../intake/Fingerprint.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Alertmanager } from "./Alertmanager.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"

/** The name in its alerts. */
const neighbour = "neighbour"

/** Between two of its alerts. */
const everyMs = [240_000, 600_000] as const
/** How long an alert fires. */
const firesForMs = [20_000, 600_000] as const

export class NeighbourCluster implements FarEnd {
  readonly name = "neighbour-cluster"
  private readonly setting: Setting
  private readonly cluster: Cluster
  private readonly alertmanager: Alertmanager
  private readonly random: SeededRandom
  private firing = true

  constructor(setting: Setting, cluster: Cluster, alertmanager: Alertmanager) {
    this.setting = setting
    this.cluster = cluster
    this.alertmanager = alertmanager
    this.random = setting.world.random("neighbour-cluster")
  }

  start(): void {
    this.later(() => this.fire())
  }

  heal(): void {
    this.firing = false
  }

  private later(action: () => void): void {
    const { world } = this.setting
    world.at(world.nowMs + this.random.between(...everyMs), () => {
      if (!this.firing) return
      action()
      this.later(action)
    })
  }

  private fire(): void {
    const { name, namespace } = this.random.pick(this.cluster.workloads)
    const labels = {
      alertname: "KubeDeploymentRolloutStuck",
      severity: "critical",
      namespace,
      ...(this.random.chance(0.5) ? { deployment: name } : { pod: `${name}-5d4f8c7b9-x2x4z` }),
      cluster: neighbour
    }
    const { world } = this.setting
    const startsAt = this.now()
    const alert = { labels, annotations: {}, startsAt, fingerprint: fingerprintOf(labels) }
    const what = `of the neighbour ${alert.fingerprint} of ${startsAt}`
    this.send({ ...alert, status: "firing", endsAt: "0001-01-01T00:00:00Z" }, `firing ${what}`)
    world.at(world.nowMs + this.random.between(...firesForMs), () => {
      if (this.firing) this.send({ ...alert, status: "resolved", endsAt: this.now() }, `resolved ${what}`)
    })
  }

  private send(alert: WebhookAlert, what: string): void {
    const webhook: Webhook = { version: "4", status: alert.status, alerts: [alert] }
    this.alertmanager.deliver({ afterMs: 0, webhook }, what)
  }

  private now(): string {
    const { world } = this.setting
    return new Date(world.wallStartMs + world.nowMs).toISOString()
  }
}
