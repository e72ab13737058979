/**
 * Watches the target after an action and says whether it helped: _fixed_, _not fixed_ or _unknown_, by the rules of
 * `Judge`.
 *
 * **Details**
 *
 * It polls, with waits that grow to a cap, because a verdict depends on several objects of several kinds at one moment.
 * A poll begins with the target's own object, one request; only where that looks well, or where a verdict is due, are
 * its pods, Services, endpoints and autoscaler read. It holds no resources in between, so a verification that was cut
 * short by a crash is simply begun anew.
 *
 * A read that fails is a gap, not a verdict: only where the cluster can't be read at the deadline either is the answer
 * _unknown_.
 */

import { Context, Duration, Effect, Layer } from "effect"
import type { Alert } from "../domain/Alert.ts"
import type { Intent } from "../domain/Execution.ts"
import { displayName, resourceRef, type Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { Verification } from "../domain/Verification.ts"
import { KubernetesClient, type KubernetesError, type KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { assemble, readAround, readObject } from "../kubernetes/WorkloadReader.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { type AlertStatus, judge, type JudgeSettings, showsProblem } from "./Judge.ts"
import type { Sample } from "./Sample.ts"

export interface VerifierOptions {
  /**
   * How long a target may take to settle. Default 5 minutes: half of a Deployment's default `progressDeadlineSeconds`,
   * as long as Prometheus keeps a resolved alert's last sample; what has not started to serve by then needs a person
   * anyway.
   */
  readonly settleTimeout?: Duration.Input
  /**
   * How long it must then stay healthy without a restart. Default 10 s, the first back-off of a crash loop in the
   * kubelet.
   */
  readonly stabilisation?: Duration.Input
  /** The first wait between two looks; each is half as long again as the one before. Default 250 ms. */
  readonly pollInterval?: Duration.Input
  /** The longest wait between two looks. Default 2 s. */
  readonly pollIntervalCap?: Duration.Input
  /**
   * How long an alert may go on firing on a settled target. Default 10 minutes: Alertmanager's default
   * `resolve_timeout` of 5 minutes, and as much again for the alert's own lookback. Has no effect where nobody can say
   * whether the alert fires.
   */
  readonly alertTimeout?: Duration.Input
}

export const defaults = {
  settleTimeout: "5 minutes",
  stabilisation: "10 seconds",
  pollInterval: "250 millis",
  pollIntervalCap: "2 seconds",
  alertTimeout: "10 minutes"
} as const satisfies VerifierOptions

export interface VerifyInput<E> {
  readonly intent: Intent
  readonly alert: Alert
  readonly target: Target
  /** Has Alertmanager told us that the alert is resolved? */
  readonly alertResolved: Effect.Effect<boolean, E>
  /**
   * Asks Alertmanager whether the alert still fires; `undefined` where it does not say. Absent: nobody can be asked.
   */
  readonly stillFiring?: Effect.Effect<boolean | undefined, E>
}

export class Verifier extends Context.Service<
  Verifier,
  {
    readonly verify: <E>(input: VerifyInput<E>) => Effect.Effect<Verification, E>
  }
>()("kubernaut/verification/Verifier") {}

export const layer = (options: VerifierOptions = {}): Layer.Layer<Verifier, never, KubernetesClient> =>
  Layer.effect(
    Verifier,
    Effect.map(KubernetesClient, (client) => make(client, { ...defaults, ...options }))
  )

/** Keeps the samples within the window and the newest one before it, which is all that `judge` looks at. */
const remember = (samples: ReadonlyArray<Sample>, sample: Sample, windowMs: number): ReadonlyArray<Sample> => {
  const all = [...samples, sample]
  const start = sample.atMs - windowMs
  const firstWithin = all.findIndex(({ atMs }) => atMs > start)
  return all.slice(Math.max(0, firstWithin - 1))
}

const unreadable = (atMs: number): Sample => ({ atMs, state: null, written: [], remaining: [] })

const make = (client: KubernetesClient["Service"], options: Required<VerifierOptions>): Verifier["Service"] => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const settings: JudgeSettings = {
    settleTimeoutMs: millis(options.settleTimeout),
    stabilisationMs: millis(options.stabilisation),
    alertTimeoutMs: millis(options.alertTimeout)
  }

  /** An object that does not exist is what was seen; any other failure leaves the whole sample unreadable. */
  const orMissing = (
    read: Effect.Effect<KubernetesObject, KubernetesError>
  ): Effect.Effect<KubernetesObject | undefined, KubernetesError> =>
    Effect.catchReason(read, "KubernetesError", "NotFound", () => Effect.undefined)

  const remainingOf = (intent: Intent): Effect.Effect<ReadonlyArray<string>, KubernetesError> => {
    if (intent.action.type !== "DrainNode") return Effect.succeed([])
    const evicted = new Set(intent.changes.flatMap((change) => (change._tag === "Evict" ? [change.uid] : [])))
    return Effect.map(client.list("Pod", {}), (pods) =>
      pods.map((pod) => pod.metadata.uid).filter((uid) => evicted.has(uid))
    )
  }

  const provided = Effect.provideService(KubernetesClient, client)

  /**
   * The first look, at the target's own object and what was written. `rest` reads what is around it, at the same
   * moment.
   */
  const look = Effect.fnUntraced(function* (intent: Intent, target: Target) {
    const ref = resourceRef(target)
    const read = yield* Effect.gen(function* () {
      const object = yield* provided(readObject(ref))
      const written = yield* Effect.forEach(
        intent.changes.filter((change) => change._tag === "Patch"),
        (change) =>
          displayName(change.ref) === displayName(ref) ? Effect.succeed(object) : orMissing(client.get(change.ref))
      )
      return { object, written, remaining: yield* remainingOf(intent) }
    }).pipe(Effect.option)
    const atMs = yield* Monotonic.nowMs
    if (read._tag === "None") return { sample: unreadable(atMs), rest: undefined }
    const { object, ...seen } = read.value
    const sample: Sample = { atMs, state: assemble({ ref, object }, yield* Timestamp.now), ...seen, glance: true }
    const rest = Effect.gen(function* () {
      const around = yield* Effect.option(provided(readAround(ref, object)))
      // What was read last counts: a target is not steady since before its pods were seen.
      const atMs = yield* Monotonic.nowMs
      return around._tag === "None" ? unreadable(atMs) : { atMs, state: around.value, ...seen }
    })
    return { sample, rest }
  })

  const statusOf = <E>({ alertResolved, stillFiring }: VerifyInput<E>): Effect.Effect<AlertStatus, E> =>
    Effect.flatMap(alertResolved, (resolved): Effect.Effect<AlertStatus, E> => {
      if (resolved) return Effect.succeed("resolved")
      if (stillFiring === undefined) return Effect.succeed("unknown")
      return Effect.map(stillFiring, (firing) => (firing === undefined ? "unknown" : firing ? "firing" : "resolved"))
    })

  const verify = Effect.fn("Verifier.verify")(function* <E>(input: VerifyInput<E>): Effect.fn.Return<Verification, E> {
    const startedAtMs = yield* Monotonic.nowMs
    const capMs = millis(options.pollIntervalCap)
    let waitMs = millis(options.pollInterval)
    let samples: ReadonlyArray<Sample> = []
    while (true) {
      const { rest, sample: first } = yield* look(input.intent, input.target)
      const alert = yield* statusOf(input)
      const judged = (sample: Sample) => {
        const remembered = remember(samples, sample, settings.stabilisationMs)
        return {
          sample,
          remembered,
          judgement: judge({
            intent: input.intent,
            samples: remembered,
            alert,
            startedAtMs,
            nowMs: sample.atMs,
            settings
          })
        }
      }
      const glance = judged(first)
      // A verdict names all its reasons, so it is never given by a glance.
      const enough =
        rest === undefined || (showsProblem(input.intent, first) && glance.judgement._tag === "KeepWatching")
      const { judgement, remembered, sample } = enough ? glance : judged(yield* rest)
      samples = remembered
      if (judgement._tag === "Verdict") {
        return {
          verdict: judgement.verdict,
          reasons: judgement.reasons,
          observed: sample.state,
          verifiedAt: yield* Timestamp.now
        }
      }
      yield* Effect.sleep(Math.min(waitMs, capMs))
      waitMs *= 1.5
    }
  })

  return { verify }
}
