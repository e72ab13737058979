/**
 * How remediations ended, and how many that were called fixed were not, as the simulated workload itself knows. The false-fixed rate is a figure of every
 * run; its goal is 0.
 */
import type { CommittedEvent, Handlers } from "./Observation.ts"

export interface Endings {
  /** By final state. */
  readonly states: Readonly<Record<string, number>>
  /** Verdicts of `fixed`. */
  readonly fixed: number
  /** Those of them whose workload was not well then, and had not been for `graceMs`. */
  readonly falselyFixed: number
}

export const none: Endings = { states: {}, fixed: 0, falselyFixed: 0 }

export const add = (left: Endings, right: Endings): Endings => ({
  states: Object.fromEntries(
    [...new Set([...Object.keys(left.states), ...Object.keys(right.states)])].toSorted().map((state) => [state, (left.states[state] ?? 0) + (right.states[state] ?? 0)])
  ),
  fixed: left.fixed + right.fixed,
  falselyFixed: left.falselyFixed + right.falselyFixed
})

/** Between the last look of a verification and its commit a workload may break anew: that is nobody's mistake. */
const graceMs = 5_000

const counted: ReadonlySet<string> = new Set(["Accepted", "Retargeted", "Verified", "Joined", "Concluded"])

export class EndingsRecorder {
  readonly on: Handlers
  private readonly states: Record<string, number> = {}
  private readonly targets = new Map<string, string>()
  private readonly unwellSinceMs = new Map<string, number>()
  private fixed = 0
  private falselyFixed = 0

  constructor() {
    this.on = {
      WorkloadHealth: ({ healthy, ref }, atMs) => {
        const name = `${ref.namespace}/${ref.kind}/${ref.name}`
        if (healthy) this.unwellSinceMs.delete(name)
        else if (!this.unwellSinceMs.has(name)) this.unwellSinceMs.set(name, atMs)
      },
      Committed: ({ events }, atMs) => {
        for (const row of events) this.take(row, atMs)
      }
    }
  }

  get endings(): Endings {
    return { states: this.states, fixed: this.fixed, falselyFixed: this.falselyFixed }
  }

  private take(row: CommittedEvent, atMs: number): void {
    // What is not counted here is not parsed.
    if (!counted.has(row.kind)) return
    const { event, remediationId } = row
    switch (event._tag) {
      case "Accepted":
      case "Retargeted":
        this.targets.set(remediationId, `${event.target.namespace}/${event.target.kind}/${event.target.name}`)
        return
      case "Verified": {
        if (event.verification.verdict !== "fixed") return
        this.fixed++
        const sinceMs = this.unwellSinceMs.get(this.targets.get(remediationId) ?? "")
        if (sinceMs !== undefined && atMs - sinceMs >= graceMs) this.falselyFixed++
        return
      }
      case "Joined":
      case "Concluded": {
        const state = event._tag === "Joined" ? "Joined" : event.state
        this.states[state] = (this.states[state] ?? 0) + 1
        this.targets.delete(remediationId)
        return
      }
      default:
    }
  }
}
