/**
 * The guardrails, checked by the writes to the cluster and their times, not by what the service counts.
 *
 * | guardrail                                    | property                                                                  |
 * | -------------------------------------------- | ------------------------------------------------------------------------- |
 * | protected namespaces                         | not even a refused write arrives, but for the evictions of a drain        |
 * | Helm's fields, an autoscaler's replica count | not written without a person's approval                                   |
 * | an object that an operator controls          | not written at all without a person's approval                            |
 * | cooldown                                     | the same action is not repeated on the same object within it              |
 * | ineffective                                  | no action on an object after too many in a row without a verdict of fixed |
 *
 * What somebody else than Helm has changed may be put back: that is what Helm declares. A person's approval lifts all
 * but the first; a drain that a person approved may evict pods of protected namespaces. Elapsed time is that of the
 * monotonic clock or of the service's wall clock, whichever is longer. While the wall clock jumps, no more can be
 * required of a service that remembers across restarts.
 */

import { Duration } from "effect"
import { defaults, isProtected } from "../../decision/GuardrailSettings.ts"
import type { Change, PatchOperation } from "../../domain/Change.ts"
import type { Intent } from "../../domain/Execution.ts"
import type { Setting } from "../farEnds/FarEnd.ts"
import { Senders } from "../observation/Senders.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

interface Began {
  readonly executionId: string
  readonly action: string
  readonly target: string
  readonly atMs: number
  /** The latest moment from which the service may count it: when it was planned, and later when it was recorded. */
  countsFromMs: number
  /** The same by the wall clock of the service, which may be set meanwhile: whichever is later. */
  countsFromWallMs: number
  verdict?: string
}

interface Intended {
  readonly intent: Intent
  readonly remediationId: string
  readonly approved: boolean
  readonly atMs: number
  readonly wallMs: number
  /** The latest time that the service has read while it decided about it: the clock may be set back before the intent. */
  readonly latestWallMs: number
}

const targetOf = ({ baseline: { ref } }: Intent): string => `${ref.kind} ${ref.namespace}/${ref.name}`

const templateAnnotations = "/spec/template/metadata/annotations"
const restartedAt = "kubectl.kubernetes.io/restartedAt"

/**
 * The change of `kubectl rollout restart`. No Helm chart has it, so the next release neither reverts it nor conflicts
 * with it.
 */
const isRestart = (operation: PatchOperation): boolean =>
  operation.path === `${templateAnnotations}/${restartedAt.replace("/", "~1")}`
  || (operation.path === templateAnnotations
    && operation.op === "add"
    && Object.keys(operation.value as object).join() === restartedAt)

const writesTemplate = (change: Change): boolean =>
  change._tag === "Patch"
  && change.patch.some((operation) => operation.path.startsWith("/spec/template") && !isRestart(operation))
const writesReplicas = (change: Change): boolean =>
  change._tag === "Patch" && change.patch.some(({ path }) => path === "/spec/replicas")

/** A person was shown the pods of protected namespaces that a drain evicts. */
const isApprovedDrain = (intended: Intended | undefined): boolean =>
  intended?.approved === true && intended.intent.action.type === "DrainNode"

class Account {
  private readonly intended = new Map<string, Intended>()
  private readonly approved = new Set<string>()
  private readonly began: Array<Began> = []
  private readonly known = new Map<string, Began>()
  private readonly latest = new Map<string, Began>()
  /** The latest time by the wall clock of the service in the events of a remediation. */
  private readonly latestWallMs = new Map<string, number>()
  private readonly settings
  private readonly report: (message: string) => void

  constructor({ scenario }: Setting, report: (message: string) => void) {
    this.settings = { ...defaults, ...scenario.service.guardrails }
    this.report = report
  }

  approve(remediationId: string): void {
    this.approved.add(remediationId)
  }

  event(remediationId: string, wallMs: number): void {
    this.latestWallMs.set(remediationId, Math.max(wallMs, this.latestWallMs.get(remediationId) ?? wallMs))
  }

  intend(remediationId: string, intent: Intent, atMs: number, wallMs: number): void {
    this.intended.set(intent.executionId, {
      intent,
      remediationId,
      approved: this.approved.has(remediationId),
      atMs,
      wallMs,
      latestWallMs: this.latestWallMs.get(remediationId) ?? wallMs
    })
  }

  judge(remediationId: string, verdict: string): void {
    const began = this.latest.get(remediationId)
    if (began !== undefined) began.verdict = verdict
  }

  execute(executionId: string, atMs: number, wallMs: number): void {
    const began = this.known.get(executionId)
    if (began === undefined) return
    began.countsFromMs = atMs
    began.countsFromWallMs = Math.max(began.countsFromWallMs, wallMs)
  }

  write(
    change: Change,
    executionId: string | undefined,
    applied: boolean,
    ownership: string | undefined,
    atMs: number
  ): void {
    const { namespace } = change.ref
    const intended = executionId === undefined ? undefined : this.intended.get(executionId)
    if (isProtected(namespace, this.settings) && !isApprovedDrain(intended))
      this.report(
        `${change._tag} of ${change.ref.kind} ${namespace}/${change.ref.name} was sent, in a protected namespace`
      )
    if (!applied || intended === undefined || this.known.has(intended.intent.executionId)) return
    const { intent } = intended
    const began: Began = {
      executionId: intent.executionId,
      action: intent.action.type,
      target: targetOf(intent),
      atMs,
      countsFromMs: intended.atMs,
      countsFromWallMs: intended.wallMs
    }
    if (!intended.approved) {
      // Nobody writes as Helm in a simulated run, so every change that is put back is one of somebody else.
      if (ownership === "helm" && writesTemplate(change) && intent.action.type !== "RestoreObject")
        this.report(`${executionId} wrote fields of ${change.ref.name} that Helm declares`)
      if (ownership === "autoscaler" && writesReplicas(change))
        this.report(`${executionId} wrote the replica count of ${change.ref.name}, which an autoscaler owns`)
      if (ownership === "operator") this.report(`${executionId} wrote ${change.ref.name}, which an operator controls`)
      this.compare(began, intended)
    }
    this.began.push(began)
    this.known.set(began.executionId, began)
    this.latest.set(intended.remediationId, began)
  }

  /** The time from an earlier action to the moment at which this one was intended. */
  private passedMs(earlier: Began, intended: Intended): number {
    return Math.max(intended.atMs - earlier.countsFromMs, intended.latestWallMs - earlier.countsFromWallMs)
  }

  private compare(began: Began, intended: Intended): void {
    const { cooldown, ineffectiveFor, ineffectiveLimit } = this.settings
    const onTarget = this.began.filter(({ target }) => target === began.target)
    const cooldownMs = Duration.toMillis(cooldown)
    const same = onTarget.findLast(
      (earlier) => earlier.action === began.action && this.passedMs(earlier, intended) < cooldownMs
    )
    if (same !== undefined)
      this.report(
        `${began.executionId} did ${began.action} on ${began.target} ${began.atMs - same.atMs} ms after ${same.executionId} had`
      )
    const recent = onTarget
      .filter((earlier) => this.passedMs(earlier, intended) < Duration.toMillis(ineffectiveFor))
      .filter(({ verdict }) => verdict !== undefined)
    const inARow = recent.length - 1 - recent.findLastIndex(({ verdict }) => verdict === "fixed")
    if (inARow >= ineffectiveLimit)
      this.report(`${began.executionId} began on ${began.target} after ${inARow} actions without effect`)
  }
}

export const guardrailsHold: Invariant = {
  name: "guardrails-hold",
  description:
    "Protected namespaces are never written; ownership, cooldown and ineffective actions stop what nobody approved.",
  make: withTruth((setting, report, { farEnds }) => {
    const account = new Account(setting, report)
    const senders = new Senders()
    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { at, event, kind, remediationId } of events) {
            account.event(remediationId, Date.parse(at))
            if (kind === "Intended" && event._tag === "Intended") {
              senders.intended(event.intent)
              account.intend(remediationId, event.intent, atMs, Date.parse(at))
            } else if (kind === "Reviewed" && event._tag === "Reviewed" && event.review.answer === "approved")
              account.approve(remediationId)
            else if (event._tag === "Executed") account.execute(event.outcome.executionId, atMs, Date.parse(at))
            else if (kind === "Verified" && event._tag === "Verified")
              account.judge(remediationId, event.verification.verdict)
          }
        },
        ClusterWrite: (write, atMs) =>
          account.write(
            write.change,
            senders.of(write),
            write.applied === "yes",
            farEnds.cluster.ownership(write.change.ref),
            atMs
          )
      }
    }
  })
}
