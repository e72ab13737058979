/** The settings of the guardrails: which actions never run, and which run only with an approval. */

import { Duration, Effect, Schema } from "effect"
import { Risk } from "../domain/Decision.ts"
import { DurationText } from "../domain/DurationText.ts"
import { Confidence } from "../domain/Investigation.ts"
import { Manager } from "../domain/WorkloadState.ts"
import { BlastRadiusSettings } from "./BlastRadiusSettings.ts"
import { extended, extendedList, removedFrom } from "./ExtendedList.ts"

const setting = <S extends Schema.Constraint>(schema: S, otherwise: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(otherwise))(schema)

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** A positive duration, such as `10 minutes`. */
const Span = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) > 0 ? undefined : "Expected a positive duration, such as 10 minutes"
  )
)

const protectedByDefault: ReadonlyArray<string> = ["kube-system", "kube-public", "kube-node-lease", "kubernaut"]

/** A manager to respect, or with `!` one to ignore. */
const RespectedManager = Schema.Union([Manager, Schema.TemplateLiteral(["!", Manager])])

/** A namespace or a glob. A name that no namespace can have would protect nothing. */
const ProtectedNamespace = Schema.String.check(
  Schema.isPattern(/^!?[a-z0-9*][a-z0-9*-]{0,62}$/, {
    message:
      "Expected the name of a namespace in lower case, a pattern such as team-*, or a default to remove such as !kube-system"
  })
)

/** A kind of object, in the spelling of its manifests. */
const RemovableKind = Schema.String.check(
  Schema.isPattern(/^[A-Z][A-Za-z0-9]{1,62}$/, {
    message: "Expected a kind as manifests spell it, such as NetworkPolicy"
  })
)

const respectedByDefault: ReadonlyArray<typeof RespectedManager.Type> = Manager.literals

/**
 * The limits of the guardrails. Every field is optional when decoded and has the documented default.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { GuardrailSettings } from "kubernaut"
 *
 * const settings = Schema.decodeSync(GuardrailSettings.GuardrailSettings)({ cooldown: "30 minutes" })
 * settings.minimumConfidence // => 0.3
 * ```
 */
export const GuardrailSettings = Schema.Struct({
  /**
   * Namespaces in which nothing is ever written: exact names, or globs with `*` for any text. Cluster-scoped objects,
   * such as nodes, are not affected. Entries add to the defaults; `!kube-system` removes one. Defaults: the namespaces
   * that Kubernetes creates for itself ("Initial namespaces" in its documentation, without `default`, where people run
   * workloads), and Kubernaut's own.
   */
  protectedNamespaces: setting(extendedList(protectedByDefault, ProtectedNamespace), protectedByDefault),
  /**
   * How long, after an action was carried out, the same action on the same target needs an approval. Default 10
   * minutes, the default `progressDeadlineSeconds` (600) of a Deployment: the earliest moment at which Kubernetes
   * reports a rollout as failed.
   */
  cooldown: setting(Span, "10 minutes"),
  /** How much is acted on at once: budgets that refill. See `BlastRadiusSettings`. */
  blastRadius: setting(BlastRadiusSettings, {}),
  /**
   * The earlier form of `blastRadius.cluster`: no more than `limit` actions start on the cluster in any `window`. It
   * stands for a budget of half of the limit at once, and the other half spread over the window. Default: none.
   */
  actionsPerWindow: Schema.optionalKey(
    Schema.Struct({ limit: setting(Count, 20), window: setting(Span, "10 minutes") })
  ),
  /**
   * The number of consecutive actions without a demonstrated effect on a target after which the next one needs an
   * approval. 1 or more. Default 3.
   */
  ineffectiveLimit: setting(Count, 3),
  /**
   * How long `ineffectiveLimit` applies after the last of those actions. A successful fix ends it immediately. Default
   * 24 hours, so that at least one working day is covered.
   */
  ineffectiveFor: setting(Span, "24 hours"),
  /**
   * When an action on a target is over. `tries` of the same action within `within`, without a shown effect, are the
   * last for `for`. Default 3 within 6 hours, for 6 hours: as Alertmanager repeats a firing alert every 4 hours, a
   * night has one more round, and a working day begins with a person. `loopFor` is how long a change counts that
   * somebody else has reverted; after two of them the action is over. Default 24 hours, so that a controller which
   * syncs once a day is noticed.
   */
  giveUp: setting(
    Schema.Struct({
      tries: setting(Count, 3),
      within: setting(Span, "6 hours"),
      for: setting(Span, "6 hours"),
      loopFor: setting(Span, "24 hours")
    }),
    {}
  ),
  /**
   * How many other targets an action must have failed on in the same way, and since when, until it is not tried on one
   * that has the cause in common with them. Default 3 within 15 minutes: two may be chance, and three verdicts take
   * that long, as one takes 5 minutes.
   */
  peers: setting(Schema.Struct({ failures: setting(Count, 3), within: setting(Span, "15 minutes") }), {}),
  /**
   * The managers whose declared fields an action may write only with an approval. Default: all known managers; `!helm`
   * removes one.
   */
  respectManagers: setting(extendedList(respectedByDefault, RespectedManager), respectedByDefault),
  /**
   * The lowest confidence, from 0 to 1, with which an action runs without an approval. Default 0.3, below the 0.5 of
   * the rules.
   */
  minimumConfidence: setting(Confidence, 0.3),
  /**
   * How long after its answer a proposal may be acted on. An older one is investigated again, as is one whose target
   * has changed. The time that an investigation takes does not count, so a slow model is no reason to raise it. 1
   * minute or more, because the reads before a decision take time too. Default 15 minutes: longer than any automatic
   * step, so that only an interruption or a late review exceeds it.
   */
  answerLifetime: setting(
    Span.check(
      Schema.makeFilter((duration) =>
        Duration.toMillis(duration) >= 60_000 ? undefined : "Expected 1 minute or more, such as 15 minutes"
      )
    ),
    "15 minutes"
  ),
  /** The highest risk that runs without an approval. Default medium, so that draining a node needs one. */
  automaticRisk: setting(Risk, "medium"),
  /** The highest replica count, or bound of an autoscaler, that is set without an approval. 1 or more. Default 50. */
  maximumReplicas: setting(Count, 50),
  /**
   * The largest factor by which a replica count, or a bound of an autoscaler, is raised without an approval. 1 or more.
   * Default 4: two doublings.
   */
  maximumScaleFactor: setting(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(1)), 4),
  /**
   * The largest share of the nodes of a pool, and of the cluster, that may be out (cordoned, not ready or being
   * deleted) when a node is cordoned or drained without an approval: from 0 to 1. At least one node may be out. Default
   * 0.25.
   */
  maximumNodesOut: setting(Confidence, 0.25),
  /**
   * The kinds of which an object that somebody has added, such as a NetworkPolicy that stops all traffic, is removed
   * without an approval when that change is taken back. Its manifest is kept. Default: none.
   */
  removableKinds: setting(Schema.Array(RemovableKind), [])
})
export type GuardrailSettings = typeof GuardrailSettings.Type

/**
 * The settings in force: the given ones over the defaults, with lists that extend their defaults.
 *
 * ```ts
 * import { GuardrailSettings } from "kubernaut"
 *
 * const settings = GuardrailSettings.inForce({ protectedNamespaces: ["payments"] })
 * GuardrailSettings.isProtected("kube-system", settings) // => true
 * ```
 */
export const inForce = (given: Partial<GuardrailSettings> = {}): GuardrailSettings => ({
  ...defaults,
  ...given,
  protectedNamespaces: extended(protectedByDefault, given.protectedNamespaces ?? []),
  respectManagers: extended(respectedByDefault, given.respectManagers ?? [])
})

/** The protection that settings remove from the defaults, to be logged at start. */
export const removedProtection = (settings: GuardrailSettings) => ({
  namespaces: removedFrom(protectedByDefault, settings.protectedNamespaces),
  managers: removedFrom(respectedByDefault, settings.respectManagers)
})

/** The settings with every default. */
export const defaults: GuardrailSettings = Schema.decodeSync(GuardrailSettings)({})

const matchesGlob = (glob: string, text: string): boolean =>
  glob === text || (glob.includes("*") && globPattern(glob).test(text))

const globPattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .split("*")
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
      .join(".*")}$`,
    "s"
  )

/**
 * Whether a namespace is protected, so that nothing is ever written in it. Cluster-scoped objects have the namespace
 * `""`, which is never protected.
 *
 * ```ts
 * import { GuardrailSettings } from "kubernaut"
 *
 * GuardrailSettings.isProtected("kube-system", GuardrailSettings.defaults) // => true
 * const settings = { ...GuardrailSettings.defaults, protectedNamespaces: ["sho*"] }
 * GuardrailSettings.isProtected("shop", settings) // => true
 * ```
 */
export const isProtected = (namespace: string, settings: GuardrailSettings): boolean =>
  namespace !== "" && settings.protectedNamespaces.some((glob) => matchesGlob(glob, namespace))
