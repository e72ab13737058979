/**
 * Tests after healing whether the service has fully recovered. Leaks are rarely visible until the resource is needed.
 *
 *     healed ── a quiet minute ──> false alarms about two workloads ── all ended ──> every permit of every bulkhead at once ──> done
 *
 * - **False alarms** pass through the whole service like any alert: journal, actors, locks, cluster and models. They are
 *   also the requests with which a breaker that nobody probes finds out that its peer has recovered, so more are sent
 *   while a breaker is not closed.
 * - **Permits.** As many calls as a bulkhead has permits start at once, and each waits until all have started. Where
 *   fewer start, a permit has leaked.
 *
 * A service that restarts meanwhile is tested from the beginning.
 */

import { Effect, Latch } from "effect"
import type { Bulkhead } from "../../resilience/pipeline/Bulkhead.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Alertmanager } from "./Alertmanager.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import type { ServiceControl } from "./ServiceControl.ts"

/** Longer than a breaker stays open, so each has tried its peer by then. */
const quietMs = 60_000
const lookEveryMs = 5_000
const alarms = 2
/** The maximum number of rounds of alarms: a breaker that an operator has isolated rejects all calls until it expires. */
const rounds = 8
/** How often in a row permits must be missing: another call may hold one for a moment. */
const tries = 3

/** Starts as many calls as a bulkhead has permits, and counts how many start at once. */
const begunAtOnce = (bulkhead: Bulkhead): Effect.Effect<number> =>
  Effect.suspend(() => {
    let begun = 0
    const all = Latch.makeUnsafe(false)
    const call = Effect.suspend(() => {
      if (++begun === bulkhead.limit) Latch.openUnsafe(all)
      return Latch.await(all)
    })
    const calls = Array.from({ length: bulkhead.limit }, () => Effect.exit(bulkhead.withPermit(call)))
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
  private phase: "before" | "alarms" | "permits" | "done" = "before"
  /** The process under test. */
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
    return this.phase === "alarms" || this.phase === "permits" ? ["the service has not been tested after healing"] : []
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
    this.phase = "permits"
    this.alarmed++
    // A person who has paid does not wait until the service tries.
    this.service.endSuspensions()
    const drawn = this.cluster.workloads
      .map((ref) => ({ ref, order: this.random.nextDoubleUnsafe() }))
      .sort((a, b) => a.order - b.order)
    // Broken workloads come last: an alert about one is no false alarm.
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
        // A process that ended meanwhile is tested again.
        if (exit._tag === "Failure" || this.phase !== "permits" || this.process !== number) return
        const narrow = exit.value.some((begun, index) => begun < bulkheads[index]!.bulkhead.limit)
        if (narrow && !isLast) return
        this.phase = "done"
        exit.value.forEach((begun, index) => {
          const {
            bulkhead: { limit },
            peer
          } = bulkheads[index]!
          observations.publish({ _tag: "PermitsTried", peer, begun, limit })
        })
      }
    )
  }
}
