/**
 * The list of alerts that the service can query, and alerts about symptoms that no object shows: an error rate rises
 * for a while and falls again, whatever is done to the workload, which is healthy all the time.
 *
 * Alertmanager is restarted now and then. It then has another identity and lists nothing until Prometheus sends its
 * alerts again. Only scenarios with `symptoms` have any of this.
 */

import { Effect, Layer } from "effect"
import { FiringAlerts, type Sighting } from "../../verification/FiringAlerts.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Alertmanager } from "./Alertmanager.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"

/** How often a symptom begins, and how long it lasts. */
const everyMs = 90_000
const lastsMs = [30_000, 15 * 60_000] as const
/** How long Alertmanager runs until it is restarted, how long that takes, and when Prometheus sends its alerts again. */
const runsMs = [20_000, 5 * 60_000] as const
const startsMs = 5_000
const resendMs = 60_000

export class AlertList implements FarEnd {
  readonly name = "alertList"
  readonly layer: Layer.Layer<FiringAlerts>
  private readonly setting: Setting
  private readonly alertmanager: Alertmanager
  private readonly cluster: Cluster
  private readonly random: SeededRandom
  private starts = 0
  private isStarting = false
  private breaking = true
  /** The alerts that the process had when it was restarted, and that it has not received again. */
  private forgotten: ReadonlySet<string> = new Set()

  constructor(setting: Setting, alertmanager: Alertmanager, cluster: Cluster) {
    this.setting = setting
    this.alertmanager = alertmanager
    this.cluster = cluster
    this.random = setting.world.random("alert-list")
    this.layer = Layer.succeed(FiringAlerts, {
      look: ({ fingerprint }) =>
        setting.scenario.symptoms === true
          ? Effect.andThen(
              Effect.suspend(() => Effect.sleep(this.random.between(...setting.scenario.clusterLatencyMs))),
              Effect.sync(() => this.sighting(fingerprint))
            )
          : Effect.succeed({ _tag: "Silent" })
    })
  }

  start(): void {
    const { scenario, world } = this.setting
    if (scenario.symptoms !== true) return
    const suffer = () => {
      if (!this.breaking) return
      const well = this.cluster.workloads.filter((ref) => this.cluster.serves(ref))
      if (well.length > 0) this.alertmanager.suffer(this.random.pick(well), this.random.between(...lastsMs))
      world.at(world.nowMs + everyMs, suffer)
    }
    world.at(everyMs, suffer)
    this.restartLater()
  }

  heal(): void {
    this.breaking = false
  }

  private restartLater(): void {
    const { world } = this.setting
    world.at(world.nowMs + this.random.between(...runsMs), () => {
      if (!this.breaking) return
      this.isStarting = true
      world.at(world.nowMs + startsMs, () => {
        this.isStarting = false
        this.starts++
        const { starts } = this
        this.forgotten = new Set(this.alertmanager.fingerprints)
        world.at(world.nowMs + this.random.between(0, resendMs), () => {
          if (starts === this.starts) this.forgotten = new Set()
        })
        this.restartLater()
      })
    })
  }

  private sighting(fingerprint: string): Sighting {
    if (this.isStarting) return { _tag: "Silent" }
    const isListed = this.alertmanager.fingerprints.includes(fingerprint) && !this.forgotten.has(fingerprint)
    return { _tag: isListed ? "Listed" : "Absent", instance: String(this.starts) }
  }
}
