/**
 * Whoever tries, when all is healed and quiet, whether the service is truly as good as new: what leaks is seldom seen,
 * and is missing when it is needed.
 *
 *     healed ── a minute of quiet ──> false alarms about two workloads ── all ended ──> every place of every bulkhead at once ──> done
 *
 * - **False alarms** have to go all the way, like any alert: through the journal, the actors, the locks, the cluster and
 *   the models. They are also the requests that a breaker which nobody probes needs to find out that its peer is back;
 *   there are more of them while one has not.
 * - **Places.** As many calls as a bulkhead has places are made through it at once, and each waits until all have begun.
 *   Where fewer begin, a place has been lost, or belongs to somebody who has left the queue.
 *
 * A service that was started anew meanwhile is tried from the beginning.
 */

import { Effect, Latch } from "effect"
import type { Bulkhead } from "../../resilience/pipeline/Bulkhead.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Alertmanager } from "./Alertmanager.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import type { ServiceControl } from "./ServiceControl.ts"

/** More than a breaker is open for, so that each would try its peer by then. */
const quietMs = 60_000
const lookEveryMs = 5_000
const alarms = 2
/** How often at most: a breaker that an operator has isolated lets nobody through until its time is over. */
const rounds = 8
/** How often in a row a bulkhead has to be found narrow: a call of somebody else may hold a place for once. */
const tries = 3

/** How many of as many calls as a bulkhead has places begin at once. */
const begunAtOnce = (bulkhead: Bulkhead): Effect.Effect<number> =>
  Effect.suspend(() => {
    let begun = 0
    const all = Latch.makeUnsafe(false)
    const call = Effect.suspend(() => {
      if (++begun === bulkhead.limit) Latch.openUnsafe(all)
      return Latch.await(all)
    })
    const calls = Array.from({ length: bulkhead.limit }, () => Effect.exit(bulkhead.withPlace(call)))
    return Effect.map(
      Effect.timeoutOption(Effect.all(calls, { concurrency: "unbounded", discard: true }), "2 seconds"),
      () => begun
    )
  })

export class Drill implements FarEnd {
  readonly name = "drill"
  private readonly setting: Setting
  private readonly service: ServiceControl
  private readonly alertmanager: Alertmanager
  private readonly cluster: Cluster
  private readonly random: SeededRandom
  private phase: "before" | "alarms" | "places" | "done" = "before"
  /** The process that is tried. */
  private process: number | undefined
  private tried = 0
  private alarmed = 0
  private readonly unclosed = new Set<string>()

  constructor(setting: Setting, service: ServiceControl, alertmanager: Alertmanager, cluster: Cluster) {
    this.setting = setting
    this.service = service
    this.alertmanager = alertmanager
    this.cluster = cluster
    this.random = setting.world.random("drill")
    setting.observations.subscribe({
      ProcessBooted: () => this.unclosed.clear(),
      BreakerMoved: ({ breaker, to }) =>
        void (to === "Closed" ? this.unclosed.delete(breaker) : this.unclosed.add(breaker))
    })
  }

  heal(): void {
    const { world } = this.setting
    const again = () => {
      this.look()
      if (this.phase !== "done") world.at(world.nowMs + lookEveryMs, again)
    }
    this.phase = "alarms"
    world.at(world.nowMs + quietMs, again)
  }

  pending(): ReadonlyArray<string> {
    return this.phase === "alarms" || this.phase === "places" ? ["the service has not been tried after healing"] : []
  }

  private look(): void {
    const { service } = this
    if (!service.isReady || service.process?.state !== "running" || service.activeActors !== 0) return
    if (service.process.number !== this.process) this.phase = "alarms"
    this.process = service.process.number
    if (this.phase === "alarms" || (this.unclosed.size > 0 && this.alarmed < rounds)) this.alarm()
    else this.measure()
  }

  private alarm(): void {
    this.phase = "places"
    this.alarmed++
    const drawn = this.cluster.workloads
      .map((ref) => ({ ref, order: this.random.nextDoubleUnsafe() }))
      .sort((a, b) => a.order - b.order)
    // About one that is in trouble only where there is no other: then it is no false alarm.
    const [well, ill] = [
      drawn.filter(({ ref }) => this.cluster.serves(ref)),
      drawn.filter(({ ref }) => !this.cluster.serves(ref))
    ]
    for (const { ref } of [...well, ...ill].slice(0, alarms)) this.alertmanager.alarm(ref)
  }

  private measure(): void {
    const { observations } = this.setting
    const isLast = ++this.tried >= tries
    const bulkheads = this.service.bulkheads
    const number = this.process
    this.service.process?.fork(
      Effect.forEach(bulkheads, ({ bulkhead }) => begunAtOnce(bulkhead)),
      (exit) => {
        // Whoever went down in the middle is tried anew.
        if (exit._tag === "Failure" || this.phase !== "places" || this.process !== number) return
        const narrow = exit.value.some((begun, index) => begun < bulkheads[index]!.bulkhead.limit)
        if (narrow && !isLast) return
        this.phase = "done"
        exit.value.forEach((begun, index) => {
          const {
            bulkhead: { limit },
            peer
          } = bulkheads[index]!
          observations.publish({ _tag: "PlacesTried", peer, begun, limit })
        })
      }
    )
  }
}
