/**
 * Faults of the simulator, injected into a running service: for game days, and to watch a breaker at work.
 *
 * **When to use**
 *
 * On the sandbox at any time; on a real cluster in mode `observe`, or where somebody has confirmed the cluster by name.
 * It is off by default, and then nothing in the service is wrapped.
 *
 * **Details**
 *
 * A kind without parameters begins at once and recurs with quiet time in between; its parameters and durations are
 * drawn from the seed. A kind with parameters is active as long as the service runs. The same code as in the simulator
 * decides what a fault does to a request (`Wire`). The clock is the real one, so the seed does not determine which
 * request is hit.
 *
 * The audit log records the begin of a fault before it happens, and its end; the log has a warning for both. While the
 * audit log cannot be written, no fault begins.
 *
 * **Gotchas**
 *
 * Only requests to the cluster and to the models are disturbed. Faults that end processes, move clocks, break the disk,
 * invent alerts or write to the cluster exist only in the simulator; they are refused with a reason.
 */

import { Clock, Effect, Option, Schema } from "effect"
import type { LanguageModel } from "effect/ai"
import type { HttpClient } from "effect/http"
import type { Investigator } from "../../investigation/Investigator.ts"
import type { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import { nowMsUnsafe } from "../../resilience/Monotonic.ts"
import { AuditLog } from "../../storage/AuditLog.ts"
import { SeededRandom } from "../engine/SeededRandom.ts"
import { ActiveFaults } from "../farEnds/paths/ActiveFaults.ts"
import { ClusterPath } from "../farEnds/paths/ClusterPath.ts"
import type { ModelPeer, Wire } from "../farEnds/paths/Wire.ts"
import type { FaultKind } from "../faults/FaultKind.ts"
import * as Faults from "../faults/Faults.ts"
import * as InjectedPeers from "./InjectedPeers.ts"
import { nameOf, type Requested } from "./Requested.ts"

/** Options of `make`. */
export interface Options {
  /** The faults: kinds by name, or objects with a `kind` and its `parameters`. */
  readonly requested: ReadonlyArray<Requested>
  /** Decides on parameters, durations and gaps. */
  readonly seed: number
  /** The models that the service uses, by the names of their breakers. */
  readonly models: ReadonlyArray<ModelPeer>
}

/**
 * The wrappers through which faults reach the peers of a service. Wrap the clients, provide the result to
 * `Kubernaut.layer`, and fork `run` beside the service.
 */
export interface FaultInjection {
  /** Wraps the client of the cluster. */
  readonly cluster: (client: KubernetesClient["Service"]) => KubernetesClient["Service"]
  /** Wraps the HTTP client of HolmesGPT. Returns it unchanged where `models` lacks `holmesgpt`. */
  readonly holmesgpt: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  /** Wraps a model. Throws a `RangeError` where `models` lacks `llm:` and this provider. */
  readonly languageModel: (provider: string, model: LanguageModel.LanguageModel) => LanguageModel.LanguageModel
  /** Wraps the probe of a model, with the same error. */
  readonly probe: (provider: string, probe: NonNullable<Investigator["probe"]>) => NonNullable<Investigator["probe"]>
  /** A description of the faults that are active now. */
  readonly describe: Effect.Effect<string>
  /** Runs the faults forever. Interruption ends the active ones. */
  readonly run: Effect.Effect<never, never, AuditLog>
}

/** The mean gap between two faults of one kind: that of the simulator's busiest runs. */
const meanGapMs = 120_000

/** The wait before a failed write to the audit log is retried. */
const auditRetryMs = 5_000

/**
 * Builds the wrappers. Nothing is injected before `run`. The options must have no `Injectable.problems`: names that
 * cannot be injected are ignored.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FaultInjection, Injectable } from "kubernaut/simulation"
 *
 * const requested = ["network-latency", "kubernetes-overloaded"]
 * const place = { mode: "observe", clusterName: "staging", isReal: true, models: [] }
 * Injectable.problems(requested, place) // => []
 * const injection = Effect.runSync(FaultInjection.make({ requested, seed: 7, models: [] }))
 * // injection.cluster(client) is the client to give to the service, injection.run the effect to fork.
 * Effect.runSync(injection.describe).endsWith("now none") // => true
 * ```
 */
export const make = (options: Options): Effect.Effect<FaultInjection> =>
  Effect.map(Effect.service(Clock.Clock), (clock) => {
    const { models, requested, seed } = options
    const cluster = new ClusterPath()
    const paths = new Map<string, InjectedPeers.ModelPaths>(
      models.map((peer) => [peer, new InjectedPeers.ModelPaths()])
    )
    const path = (peer: string): InjectedPeers.ModelPaths => {
      const found = paths.get(peer)
      if (found === undefined) throw new RangeError(`FaultInjection: there is no model ${peer}`)
      return found
    }
    const wire: Wire = {
      get nowMs() {
        return nowMsUnsafe(clock)
      },
      cluster,
      model: path
    }
    const active = new ActiveFaults<string>()
    const faults = requested.flatMap((each, index) => recurring(each, { active, index, models, seed, wire }))
    return {
      cluster: (client) => InjectedPeers.cluster(cluster, client),
      holmesgpt: (client) => (paths.has("holmesgpt") ? InjectedPeers.holmesgpt(path("holmesgpt"), client) : client),
      languageModel: (provider, model) => InjectedPeers.languageModel(path(`llm:${provider}`), model),
      probe: (provider, probe) => InjectedPeers.probe(path(`llm:${provider}`), probe),
      describe: Effect.sync(() => {
        const now = [...active]
        return `faults are injected on purpose (${requested.map(nameOf).join(", ")}; seed ${seed}); now ${now.length === 0 ? "none" : now.join("; ")}`
      }),
      run: Effect.andThen(Effect.all(faults, { concurrency: "unbounded", discard: true }), Effect.never)
    }
  })

interface Around {
  readonly active: ActiveFaults<string>
  readonly index: number
  readonly models: ReadonlyArray<ModelPeer>
  readonly seed: number
  readonly wire: Wire
}

interface Occurrence {
  readonly parameters: Schema.JsonObject
  /** Absent for a fault that is active as long as the service runs. */
  readonly forMs?: number
}

const draw = (kind: FaultKind, random: SeededRandom, models: ReadonlyArray<ModelPeer>): Occurrence => ({
  parameters: Schema.encodeSync(kind.parameters)(kind.draw(random, { scenario: { tiers: models } })),
  ...(kind.lasts === undefined ? {} : { forMs: Math.ceil(random.magnitude(...kind.lasts)) })
})

/** Runs one requested fault, which begins and ends again and again. */
const recurring = (
  requested: Requested,
  { active, index, models, seed, wire }: Around
): ReadonlyArray<Effect.Effect<unknown, never, AuditLog>> => {
  const kind = Faults.byName.get(nameOf(requested))
  const disturb = kind?.disturb
  if (kind === undefined || disturb === undefined) return []
  const random = new SeededRandom(seed, `injection ${index} ${kind.name}`)
  const begin = (parameters: Schema.JsonObject) => {
    const undo = [
      disturb(Schema.decodeSync(kind.parameters)(parameters), wire, random),
      active.add(`${kind.name} ${JSON.stringify(parameters)}`)
    ]
    return () => undo.forEach((each) => each())
  }
  const once = Effect.gen(function* () {
    const { forMs, parameters }: Occurrence = typeof requested === "string" ? draw(kind, random, models) : requested
    const about = { fault: kind.name, parameters, seed, ...(forMs === undefined ? {} : { forMs }) }
    yield* audited("fault.began", kind.name, about)
    yield* Effect.logWarning("An injected fault has begun", about)
    const stand = Effect.acquireRelease(
      Effect.sync(() => begin(parameters)),
      (undo) => Effect.sync(undo)
    )
    yield* Effect.scoped(Effect.andThen(stand, forMs === undefined ? Effect.never : Effect.sleep(forMs)))
    yield* Effect.logWarning("An injected fault has ended", { fault: kind.name })
    yield* audited("fault.healed", kind.name, { seed })
    // Exponential gaps, as in the simulator.
    yield* Effect.sleep(Math.ceil(-Math.log(1 - random.nextDoubleUnsafe()) * meanGapMs))
  })
  return [Effect.forever(once)]
}

/** Writes to the audit log, with retries until it succeeds. */
const audited = Effect.fnUntraced(function* (kind: string, subject: string, data: Schema.JsonObject) {
  const audit = yield* AuditLog
  const attempt = Effect.option(audit.record({ actor: "kubernaut", kind, subject, data }))
  while (Option.isNone(yield* attempt)) yield* Effect.sleep(auditRetryMs)
})
