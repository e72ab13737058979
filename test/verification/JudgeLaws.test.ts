import { describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { type Evidence, judge } from "../../src/verification/Judge.ts"
import { evidence, healthy, pod, seen } from "./evidence.ts"

/** The problems of one sample. At most two apply, so that every law below also meets otherwise healthy targets. */
const wrongs: Readonly<Record<string, Partial<WorkloadState> | null>> = {
  unreadable: null,
  gone: { exists: false },
  unwanted: { desiredReplicas: 0, readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0 },
  uncounted: { desiredReplicas: null, readyReplicas: null, updatedReplicas: null, availableReplicas: null },
  unready: { readyReplicas: 2 },
  silent: { readyReplicas: null },
  outdated: { updatedReplicas: 1 },
  unavailable: { availableReplicas: 0 },
  unserved: { endpoints: 0 },
  unobserved: { observedGeneration: 3 },
  "failing its rollout": { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] }
}
const names = Object.keys(wrongs) as [string, ...Array<string>]
const State = Schema.Struct({
  wrong: Schema.Array(Schema.Literals(names)).check(Schema.isMaxLength(2)),
  restarts: Schema.Literals([0, 1])
})
type State = typeof State.Type

const stateOf = ({ restarts, wrong }: State): WorkloadState | null => {
  if (wrong.includes("unreadable")) return null
  return healthy({
    pods: [pod("a", { restarts })],
    ...(Object.assign({}, ...wrong.map((name) => wrongs[name])) as Partial<WorkloadState>)
  })
}

/** Any states, and then one that lasts for the stabilisation window. */
const Run = Schema.Struct({
  states: Schema.Array(State).check(Schema.isMaxLength(12)),
  last: State,
  alert: Schema.Literals(["resolved", "firing", "unknown"]),
  from: Schema.Literals([0, 280, 590])
})
const evidenceOf = ({ alert, from, last, states }: typeof Run.Type): Evidence =>
  evidence(
    [...states, ...Array.from({ length: 7 }, () => last)].map((state, index) => seen(from + index * 2, stateOf(state))),
    { alert }
  )

const isFixed = (given: Evidence): boolean => {
  const judgement = judge(given)
  return judgement._tag === "Verdict" && judgement.verdict === "fixed"
}

describe("in any sequence of samples", () => {
  const runs = { arbitrary: { runs: 500 } }
  for (const name of names) {
    it.prop(
      `a target that is ${name} to the end is never fixed`,
      [Run],
      ([run]) => !isFixed(evidenceOf({ ...run, last: { ...run.last, wrong: [name] } })),
      runs
    )
    it.prop(
      `a target that is ${name} to the end, with or without other problems, is never fixed`,
      [Run],
      ([run]) => !isFixed(evidenceOf({ ...run, last: { ...run.last, wrong: [...run.last.wrong, name] } })),
      runs
    )
  }

  it.prop(
    "a target whose alert fires is never fixed",
    [Run],
    ([run]) => !isFixed(evidenceOf({ ...run, alert: "firing" })),
    runs
  )

  it.prop(
    "a target that restarts between its last samples is never fixed",
    [Run],
    ([run]) => {
      const given = evidenceOf({ ...run, last: { wrong: [], restarts: 0 } })
      return !isFixed({
        ...given,
        samples: given.samples.map((sample, index) =>
          index < given.samples.length - 1 ? sample : { ...sample, state: stateOf({ wrong: [], restarts: 1 }) }
        )
      })
    },
    runs
  )

  it.prop(
    "a target that is healthy for the stabilisation window is fixed, whatever came before",
    [Run],
    ([run]) =>
      isFixed(
        evidenceOf({ ...run, last: { wrong: [], restarts: 0 }, alert: run.alert === "firing" ? "unknown" : run.alert })
      ),
    runs
  )

  it.prop(
    "a target gets its verdict at the deadline, or at the alert timeout if its alert fires",
    [Run],
    ([run]) => {
      const given = evidenceOf({ ...run, from: 590 })
      return judge(given)._tag === "Verdict" || (run.alert === "firing" && given.nowMs - given.startedAtMs < 600_000)
    },
    runs
  )
})
