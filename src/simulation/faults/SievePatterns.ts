/**
 * The three patterns of faults by which Sieve (OSDI 2022) finds bugs in controllers, as sets of fault kinds: `simulate
 * --inject stale-state`.
 */

export interface SievePattern {
  /** The name in the paper. */
  readonly name: string
  /** What the controller meets, as one sentence. */
  readonly description: string
  /** The names of the fault kinds. */
  readonly faults: ReadonlyArray<string>
}

export const all: ReadonlyArray<SievePattern> = [
  {
    name: "intermediate-state",
    description: "The service is killed between two of its steps, and its successor finds what is half done.",
    faults: [
      "process-crash",
      "process-crash-at-write",
      "process-restart-loop",
      "process-two-owners",
      "operator-mode",
      "storage-commit-unknown",
      "spool-torn",
      "spool-replay-crash",
      "spool-emptying-crash",
      "kubernetes-lost-answer"
    ]
  },
  {
    name: "stale-state",
    description: "The service reads what was before, and after a restart even what was before its last read.",
    faults: ["kubernetes-stale-read", "kubernetes-back-in-time", "process-pause"]
  },
  {
    name: "unobserved-state",
    description: "A state exists between two reads of the service, which never sees it.",
    faults: [
      "kubernetes-unseen-change",
      "kubernetes-interference",
      "kubernetes-deletion",
      "kubernetes-reverts",
      "hotfix-during-investigation",
      "alertmanager-flaps"
    ]
  }
]

export const byName: ReadonlyMap<string, SievePattern> = new Map(all.map((pattern) => [pattern.name, pattern]))
