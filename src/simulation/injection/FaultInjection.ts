/**
 * Faults of the simulator's catalogue, injected into a running service: for game days, and to see with one's own eyes
 * what a breaker does.
 *
 * **When to use**
 *
 * On the sandbox at any time; on a real cluster in `observe`, or where somebody has confirmed that cluster by name. Off
 * unless asked for: nothing of the service is wrapped then.
 *
 * **Details**
 *
 * A kind that is named alone comes at once and then again and again, each time with parameters and for a time drawn
 * from the seed, and a time of quiet between. One that is given parameters stands as long as the service runs. What a
 * fault does to a request is decided by the code that decides it in the simulator (`Wire`); the clock is the real one,
 * so what falls on which request is not the seed's.
 *
 * Every coming and going is in the audit log before it happens, and in the log as a warning; where the audit log can't
 * be written, nothing is injected.
 *
 * **Gotchas**
 *
 * Only requests are disturbed, those to the cluster and to the models. What ends processes, moves clocks, breaks the
 * disk, makes alerts up or writes to the cluster is the simulator's alone, and is refused with the reason.
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

export interface Options {
  readonly requested: ReadonlyArray<Requested>
  readonly seed: number
  readonly models: ReadonlyArray<ModelPeer>
}

/** What is being done to a service. */
export interface FaultInjection {
  readonly cluster: (client: KubernetesClient["Service"]) => KubernetesClient["Service"]
  readonly holmesgpt: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  readonly languageModel: (provider: string, model: LanguageModel.LanguageModel) => LanguageModel.LanguageModel
  readonly probe: (provider: string, probe: NonNullable<Investigator["probe"]>) => NonNullable<Investigator["probe"]>
  /** What stands now, in words. */
  readonly describe: Effect.Effect<string>
  /** Lets faults come and go, for ever. Whatever stands goes with it. */
  readonly run: Effect.Effect<never, never, AuditLog>
}

/** Quiet between two of one kind, at the mean: as much as the simulator's busiest runs have. */
const meanGapMs = 120_000

/** How soon it is tried again where the audit log could not be written. */
const auditAgainMs = 5_000

/** Prepares it: nothing is injected before `run`. The options must have no `Injectable.problems`. */
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
    const comings = requested.flatMap((each, index) => comes(each, { active, index, models, seed, wire }))
    return {
      cluster: (client) => InjectedPeers.cluster(cluster, client),
      holmesgpt: (client) => (paths.has("holmesgpt") ? InjectedPeers.holmesgpt(path("holmesgpt"), client) : client),
      languageModel: (provider, model) => InjectedPeers.languageModel(path(`llm:${provider}`), model),
      probe: (provider, probe) => InjectedPeers.probe(path(`llm:${provider}`), probe),
      describe: Effect.sync(() => {
        const now = [...active]
        return `faults are injected on purpose (${requested.map(nameOf).join(", ")}; seed ${seed}); now ${now.length === 0 ? "none" : now.join("; ")}`
      }),
      run: Effect.andThen(Effect.all(comings, { concurrency: "unbounded", discard: true }), Effect.never)
    }
  })

interface Around {
  readonly active: ActiveFaults<string>
  readonly index: number
  readonly models: ReadonlyArray<ModelPeer>
  readonly seed: number
  readonly wire: Wire
}

interface Coming {
  readonly parameters: Schema.JsonObject
  /** Absent: as long as the service runs. */
  readonly forMs?: number
}

const draw = (kind: FaultKind, random: SeededRandom, models: ReadonlyArray<ModelPeer>): Coming => ({
  parameters: Schema.encodeSync(kind.parameters)(kind.draw(random, { scenario: { tiers: models } })),
  ...(kind.lasts === undefined ? {} : { forMs: Math.ceil(random.magnitude(...kind.lasts)) })
})

/** One that was asked for, as it comes and goes. */
const comes = (
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
    const { forMs, parameters }: Coming = typeof requested === "string" ? draw(kind, random, models) : requested
    const about = { fault: kind.name, parameters, seed, ...(forMs === undefined ? {} : { forMs }) }
    yield* audited("fault.began", kind.name, about)
    yield* Effect.logWarning("A fault is injected on purpose", about)
    const stand = Effect.acquireRelease(
      Effect.sync(() => begin(parameters)),
      (undo) => Effect.sync(undo)
    )
    yield* Effect.scoped(Effect.andThen(stand, forMs === undefined ? Effect.never : Effect.sleep(forMs)))
    yield* Effect.logWarning("An injected fault has gone", { fault: kind.name })
    yield* audited("fault.healed", kind.name, { seed })
    // Exponential gaps, as in the simulator.
    yield* Effect.sleep(Math.ceil(-Math.log(1 - random.nextDoubleUnsafe()) * meanGapMs))
  })
  return [Effect.forever(once)]
}

/** Tells the audit log, however long that takes. */
const audited = Effect.fnUntraced(function* (kind: string, subject: string, data: Schema.JsonObject) {
  const audit = yield* AuditLog
  const attempt = Effect.option(audit.record({ actor: "kubernaut", kind, subject, data }))
  while (Option.isNone(yield* attempt)) yield* Effect.sleep(auditAgainMs)
})
