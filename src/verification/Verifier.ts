/**
 * Watches the target after an action and decides whether the action helped: _fixed_, _not fixed_ or _unknown_, by the
 * rules of `Judge`.
 *
 * **Details**
 *
 * It polls, with waits that grow to a cap, because a verdict depends on several objects of several kinds at the same
 * moment. A poll first reads only the target's own object, with one request. It reads the pods, Services, endpoints and
 * autoscaler only if that object looks healthy or a verdict is due. It holds no resources between polls, so a
 * verification that a crash cut short starts again from the beginning.
 *
 * A failed read is a gap, not a verdict. Failed reads make the verdict _unknown_ only if the cluster still can't be
 * read at the deadline.
 */

import { Context, Duration, Effect, Layer } from "effect"
import type { Intent } from "../domain/Execution.ts"
import type { Target } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { Verdict, Verification } from "../domain/Verification.ts"
import { failureIn } from "../kubernetes/FailureOfReason.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import {
  type AlertEvidence,
  type AlertPosts,
  type AlertStatus,
  hear,
  type Lookback,
  statementsIn,
  statusOf,
  unheard
} from "./AlertEvidence.ts"
import type { Sighting } from "./FiringAlerts.ts"
import { judge, type JudgeSettings, progressAfter, showsProblem } from "./Judge.ts"
import type { Progress } from "./Progress.ts"
import { reversionOf } from "./Reversion.ts"
import type { Sample } from "./Sample.ts"
import { read } from "./SampleReader.ts"

/** Timeouts and waits of the verifier. */
export interface VerifierOptions {
  /**
   * How long a target may take to settle. Default 5 minutes: half of a Deployment's default `progressDeadlineSeconds`,
   * and as long as Prometheus keeps the last sample of a resolved alert. A target that does not serve by then needs a
   * person.
   */
  readonly settleTimeout?: Duration.Input
  /**
   * How long the target must then stay healthy without a restart. Default 10 s, the first back-off of a crash loop in
   * the kubelet.
   */
  readonly stabilisation?: Duration.Input
  /** The first wait between two polls. Each wait is 1.5 times the previous one. Default 250 ms. */
  readonly pollInterval?: Duration.Input
  /** The longest wait between two polls. Default 2 s. */
  readonly pollIntervalCap?: Duration.Input
  /**
   * How long an alert may continue to fire on a settled target. Default 10 minutes: Alertmanager's default
   * `resolve_timeout` of 5 minutes, and as much again for the lookback of the alert's own expression. It has no effect
   * if the alert's status is not known.
   */
  readonly alertTimeout?: Duration.Input
  /**
   * How long Alertmanager must not list an alert before the alert counts as ended, where Alertmanager responds. Default
   * 2 minutes: two evaluations at Prometheus' default interval of one minute.
   */
  readonly alertQuiet?: Duration.Input
  /**
   * The longest time to settle while a rollout makes progress and no pod fails. Until then, a target is watched until
   * it has made no progress for its `progressDeadlineSeconds` (10 minutes if it has none). Default an hour.
   */
  readonly rolloutTimeout?: Duration.Input
}

/** The defaults of `VerifierOptions`. */
export const defaults = {
  settleTimeout: "5 minutes",
  stabilisation: "10 seconds",
  pollInterval: "250 millis",
  pollIntervalCap: "2 seconds",
  alertTimeout: "10 minutes",
  alertQuiet: "2 minutes",
  rolloutTimeout: "1 hour"
} as const satisfies VerifierOptions

/**
 * Why these options contradict each other; `undefined` if they do not. A target that must stay healthy for longer than
 * it may take to settle is never fixed.
 */
export const conflictIn = (options: VerifierOptions): string | undefined => {
  const { alertQuiet, alertTimeout, rolloutTimeout, settleTimeout, stabilisation } = { ...defaults, ...options }
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const text = (input: Duration.Input) => Duration.format(Duration.fromInputUnsafe(input))
  if (millis(stabilisation) >= millis(settleTimeout)) {
    return `stabilisation (${text(stabilisation)}): expected less than settleTimeout (${text(settleTimeout)}), or no target is ever fixed`
  }
  if (millis(alertQuiet) >= millis(alertTimeout)) {
    return `alertQuiet (${text(alertQuiet)}): expected less than alertTimeout (${text(alertTimeout)}), or no alert ever ends in time`
  }
  return millis(rolloutTimeout) < millis(settleTimeout)
    ? `rolloutTimeout (${text(rolloutTimeout)}): expected at least settleTimeout (${text(settleTimeout)})`
    : undefined
}

/** The action to verify, and the sources of statements about its alert. */
export interface VerifyInput<E> {
  readonly intent: Intent
  readonly target: Target
  /** When the action ended, by the wall clock. */
  readonly actedAt: Timestamp.Timestamp
  /** What webhooks have said about the alert so far. */
  readonly posts: Effect.Effect<AlertPosts, E>
  /** What Alertmanager says about the alert. Absent: there is no Alertmanager. */
  readonly look?: Effect.Effect<Sighting>
  /** What Alertmanager said about the alert when the action began. */
  readonly seenBefore?: Sighting
}

/** Verifies actions. */
export class Verifier extends Context.Service<
  Verifier,
  {
    /** Watches the target until there is a verdict. Fails only with the errors of `posts`. */
    readonly verify: <E>(input: VerifyInput<E>) => Effect.Effect<Verification, E>
  }
>()("kubernaut/verification/Verifier") {}

/** The verifier of the cluster that `KubernetesClient` connects to. */
export const layer = (options: VerifierOptions = {}): Layer.Layer<Verifier, never, KubernetesClient> =>
  Layer.effect(
    Verifier,
    Effect.map(KubernetesClient, (client) => make(client, { ...defaults, ...options }))
  )

/** How many times longer a wait may be once the target has settled. A complete sample takes up to six requests. */
const settledFactor = 5

/** Keeps the samples within the window and the newest one before it, which is all that `judge` needs. */
const remember = (samples: ReadonlyArray<Sample>, sample: Sample, windowMs: number): ReadonlyArray<Sample> => {
  const all = [...samples, sample]
  const start = (sample.objectAtMs ?? sample.atMs) - windowMs
  const firstWithin = all.findIndex(({ atMs }) => atMs > start)
  return all.slice(Math.max(0, firstWithin - 1))
}

/** Follows what is said about the alert. The returned effect listens once more and returns its state. */
const follow = <E>(input: VerifyInput<E>, startedAtMs: number, lookback: Lookback) => {
  const settings = { actedAtMs: startedAtMs, ...lookback }
  let posts: AlertPosts | undefined
  let evidence: AlertEvidence =
    input.seenBefore === undefined
      ? unheard
      : hear(unheard, { by: "alertmanager", atMs: -Infinity, says: input.seenBefore }, settings)
  return Effect.gen(function* () {
    const newest = yield* input.posts
    // Alertmanager is asked after that, so what it says is newer than every webhook.
    const says: Sighting = input.look === undefined ? { _tag: "Silent" } : yield* input.look
    const atMs = yield* Monotonic.nowMs
    const statements = [
      ...statementsIn(newest, posts, { actedAt: input.actedAt, atMs }),
      { by: "alertmanager", atMs, says } as const
    ]
    posts = newest
    evidence = statements.reduce((before, statement) => hear(before, statement, settings), evidence)
    return statusOf(evidence, atMs, lookback)
  })
}

/**
 * The last state, the refusal that appears only after the write, to the controller that creates the pods, and that
 * somebody else has reverted the write.
 */
const lastSeen = (
  intent: Intent,
  sample: Sample,
  verdict: Verdict
): Pick<Verification, "failure" | "observed" | "reversion"> => {
  const { state } = sample
  const text = verdict === "fixed" ? undefined : state?.failedCreate
  const failure = typeof text === "string" ? failureIn(text) : undefined
  const reversion = state === null ? undefined : reversionOf(intent, sample)
  return {
    ...(failure === undefined ? {} : { failure }),
    observed: state,
    ...(reversion === undefined ? {} : { reversion })
  }
}

const make = (client: KubernetesClient["Service"], options: Required<VerifierOptions>): Verifier["Service"] => {
  const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))
  const settings: JudgeSettings = {
    settleTimeoutMs: millis(options.settleTimeout),
    stabilisationMs: millis(options.stabilisation),
    alertTimeoutMs: millis(options.alertTimeout),
    rolloutTimeoutMs: millis(options.rolloutTimeout)
  }
  const lookback: Lookback = { steadyMs: settings.stabilisationMs, quietMs: millis(options.alertQuiet) }

  const verify = Effect.fn("Verifier.verify")(function* <E>(input: VerifyInput<E>): Effect.fn.Return<Verification, E> {
    const { intent, target } = input
    const startedAtMs = yield* Monotonic.nowMs
    const capMs = millis(options.pollIntervalCap)
    let waitMs = millis(options.pollInterval)
    let samples: ReadonlyArray<Sample> = []
    let progress: Progress | undefined
    let hasSettled = false
    const alertNow = follow(input, startedAtMs, lookback)
    while (true) {
      const first = yield* read(client, intent, target)
      const alert = yield* alertNow
      const judged = (sample: Sample, alert: AlertStatus) => {
        const remembered = remember(samples, sample, settings.stabilisationMs)
        const followed = progressAfter(progress, intent, sample, startedAtMs)
        const nowMs = sample.atMs
        return {
          sample,
          remembered,
          followed,
          judgement: judge({
            intent,
            samples: remembered,
            alert,
            progress: followed,
            hasSettled,
            startedAtMs,
            nowMs,
            settings
          })
        }
      }
      const cheap = judged(first.sample, alert)
      // A verdict names all its reasons, so it always needs a complete sample.
      const suffices =
        first.complete === undefined || (showsProblem(intent, first.sample) && cheap.judgement._tag === "KeepWatching")
      const complete = suffices ? undefined : yield* first.complete
      let last = complete === undefined ? cheap : judged(complete, alert)
      // To complete the sample may take minutes, in which the alert may have fired again.
      if (complete !== undefined && last.judgement._tag === "Verdict" && last.judgement.verdict === "fixed")
        last = judged(complete, yield* alertNow)
      const { followed, judgement, remembered, sample } = last
      samples = remembered
      progress = followed
      if (judgement._tag === "KeepWatching") hasSettled ||= judgement.settled === true
      if (judgement._tag === "Verdict") {
        const { reasons, verdict } = judgement
        return { verdict, reasons, ...lastSeen(intent, sample, verdict), verifiedAt: yield* Timestamp.now }
      }
      // A target that has settled and waits for its alert is read less often.
      yield* Effect.sleep(Math.min(waitMs, hasSettled ? capMs * settledFactor : capMs))
      waitMs *= 1.5
    }
  })

  return { verify }
}
