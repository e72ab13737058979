/**
 * The list of alerts that the service can query, and alerts about symptoms that no object shows: an error rate rises
 * for a while and falls again, whatever is done to the workload, which is healthy all the time.
 *
 * Alertmanager is restarted now and then. It then has another identity and lists nothing until Prometheus sends its
 * alerts again. Only scenarios with `symptoms` have any of this.
 *
 * In scenarios with `watchdog` the service's own client asks it through its HTTP API instead, so that it has a circuit
 * breaker and is probed, and Prometheus has an alert that always fires.
 */

import { Effect, Layer } from "effect"
import { HttpClient, type HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import { FiringAlerts, layerAlertmanager, type Sighting } from "../../verification/FiringAlerts.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Alertmanager } from "./Alertmanager.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { passageOf, wholeResponse } from "./HolmesGptConversation.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

/** How often a symptom begins, and how long it lasts. */
const everyMs = 90_000
const lastsMs = [30_000, 15 * 60_000] as const
/** How long Alertmanager runs until it is restarted, how long that takes, and when Prometheus sends its alerts again. */
const runsMs = [20_000, 5 * 60_000] as const
const startsMs = 5_000
const resendMs = 60_000

/** The alert that always fires. */
export const watchdogAlert = "Watchdog"

/** What becomes of a request to the API: its response, or none. */
export type ApiReply = { readonly _tag: "Status"; readonly status: number } | { readonly _tag: "Refused" }

/** Changes what becomes of a request. Several faults nest. */
export type ApiFault = (reply: Effect.Effect<ApiReply>) => Effect.Effect<ApiReply>

export class AlertList implements FarEnd {
  readonly name = "alertList"
  readonly layer: Layer.Layer<FiringAlerts>
  private readonly setting: Setting
  private readonly alertmanager: Alertmanager
  private readonly cluster: Cluster
  private readonly random: SeededRandom
  private readonly faults = new ActiveFaults<ApiFault>()
  private readonly silences = new ActiveFaults<true>()
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
    this.layer =
      setting.scenario.watchdog === true
        ? Layer.provide(
            layerAlertmanager({ url: "http://alertmanager.simulated:9093" }),
            Layer.succeed(
              HttpClient.HttpClient,
              HttpClient.make((request, url) => this.respond(request, url))
            )
          )
        : Layer.succeed(FiringAlerts, {
            look: ({ fingerprint }) =>
              setting.scenario.symptoms === true
                ? Effect.andThen(
                    this.underWay,
                    Effect.sync(() => this.sighting(fingerprint))
                  )
                : Effect.succeed({ _tag: "Silent" })
          })
  }

  /** Applies `fault` to every request to the API until the returned function is called. */
  disturb(fault: ApiFault): () => void {
    return this.faults.add(fault)
  }

  /** Prometheus sends nothing to Alertmanager until the returned function is called. */
  silence(): () => void {
    return this.silences.add(true)
  }

  private readonly underWay = Effect.suspend(() =>
    Effect.sleep(this.random.between(...this.setting.scenario.clusterLatencyMs))
  )

  private respond(
    request: HttpClientRequest.HttpClientRequest,
    url: URL
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    return Effect.suspend(() => {
      let reply: Effect.Effect<ApiReply> = Effect.succeed({ _tag: "Status", status: 200 })
      for (const fault of this.faults) reply = fault(reply)
      return Effect.flatMap(Effect.andThen(this.underWay, reply), (made) => {
        if (made._tag === "Refused") return Effect.fail(passageOf(request).broken("refused"))
        const body = JSON.stringify(url.pathname.endsWith("/status") ? this.status() : this.listed(url))
        return Effect.as(
          this.underWay,
          wholeResponse(request, { status: made.status, body: made.status === 200 ? body : "" })
        )
      })
    })
  }

  private status() {
    return { uptime: `start ${this.starts}`, cluster: { name: `peer-${this.starts}` } }
  }

  /** The alerts of one name. */
  private listed(url: URL) {
    const name = /^alertname="(.*)"$/.exec(url.searchParams.get("filter") ?? "")?.[1] ?? ""
    if (this.silences.size > 0) return []
    if (name === watchdogAlert)
      return [{ fingerprint: "always", status: { state: "active" }, labels: { alertname: name } }]
    return this.alertmanager
      .named(name)
      .filter(({ fingerprint }) => !this.forgotten.has(fingerprint))
      .map(({ fingerprint, labels }) => ({ fingerprint, labels, status: { state: "active" } }))
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
