/** Reserves calls in the ledger, or in memory while the ledger does not work, and records what became of them. */

import { Effect } from "effect"
import type { ModelCall, ModelCallId } from "../../domain/ModelCall.ts"
import type { RemediationId } from "../../domain/Remediation.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type Budgets, type UsedUp, usedUp } from "./Budget.ts"
import { SpendMemory, type SpentBefore } from "./SpendMemory.ts"

/** Where calls are recorded. `SpendLedger` of `storage` has this shape. */
export interface Ledger {
  readonly reserve: (
    call: ModelCall,
    refuse: (spent: SpentBefore) => UsedUp | undefined
  ) => Effect.Effect<UsedUp | undefined, { readonly _tag: string }>
  readonly write: (
    calls: ReadonlyArray<ModelCall>,
    removed: ReadonlyArray<ModelCallId>
  ) => Effect.Effect<void, { readonly _tag: string }>
  readonly spent: (at: Timestamp, remediation: RemediationId) => Effect.Effect<SpentBefore, { readonly _tag: string }>
}

/** What the ledger has done with what was noted. */
type State = "works" | "fails" | "hangs" | "absent"

/** How soon the ledger is tried again, while it does not take what was noted. */
const again = "5 seconds"

/** An investigation has seconds. A database that does not take a line within this time counts as not working. */
const patience = "2 seconds"

export interface Reservations {
  /** Reserves a call; the budget that has no room for it, if any. */
  readonly reserve: (call: ModelCall) => Effect.Effect<UsedUp | undefined>
  /** Notes what a call has cost. `record` writes it. */
  readonly put: (call: ModelCall) => void
  /** Notes that a call was not made. */
  readonly remove: (id: ModelCallId) => void
  /** Writes what was noted, again and again until the ledger has everything. Without a ledger it ends at once. */
  readonly record: Effect.Effect<void>
}

const writePending = (memory: SpendMemory, ledger: Ledger | undefined): Effect.Effect<State> =>
  Effect.suspend(() => {
    if (ledger === undefined) return Effect.succeed("absent")
    if (memory.isEmpty) return Effect.succeed("works")
    const { calls, removed } = memory.pending
    return ledger.write(calls, removed).pipe(
      Effect.andThen(Effect.sync(() => memory.done({ calls, removed }))),
      Effect.as("works" as const),
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed("hangs" as const) }),
      Effect.orElseSucceed(() => "fails" as const),
      // A defect of the driver is one of the database, too.
      Effect.catchDefect(() => Effect.succeed("fails" as const))
    )
  })

/**
 * A database that takes no line, such as a full one, may still tell what it has. A process that has just started needs
 * that: the spending before a restart is in no memory.
 */
const readSpent = (memory: SpendMemory, ledger: Ledger | undefined, call: ModelCall) =>
  ledger === undefined || memory.knows(call)
    ? Effect.void
    : ledger.spent(call.at, call.remediation).pipe(
        Effect.map((spent) => memory.asked(call, spent, false)),
        Effect.timeout(patience),
        Effect.exit
      )

export const make = (budgets: Budgets, ledger: Ledger | undefined): Reservations => {
  const memory = new SpendMemory()

  const write = writePending(memory, ledger)

  const inMemory = Effect.fnUntraced(function* (call: ModelCall, state: Exclude<State, "works">) {
    // One that hangs has taken its time already.
    if (state === "fails") yield* readSpent(memory, ledger, call)
    const refusal = usedUp(budgets, memory.spentBefore(call), call)
    if (refusal === undefined) memory.put(call)
    // A ledger that was too slow may still write its line.
    else if (ledger !== undefined) memory.remove(call.id)
    return refusal
  })

  const warned = (error: string) =>
    Effect.logWarning("Model calls are counted in memory, because the database does not take them", { error })

  const inLedger = (call: ModelCall, { reserve: reserveIn }: Ledger): Effect.Effect<UsedUp | undefined> =>
    Effect.suspend(() => {
      let spent: SpentBefore | undefined
      const refuse = (now: SpentBefore): UsedUp | undefined => {
        spent = now
        return usedUp(budgets, memory.withLost(call, now), call)
      }
      return Effect.map(reserveIn(call, refuse), (refusal) => {
        if (spent !== undefined) memory.asked(call, spent, refusal === undefined)
        return refusal
      })
    }).pipe(
      Effect.timeout(patience),
      Effect.catch(({ _tag }) =>
        Effect.andThen(warned(_tag), inMemory(call, _tag === "TimeoutError" ? "hangs" : "fails"))
      ),
      Effect.catchDefect(() => Effect.andThen(warned("defect"), inMemory(call, "fails")))
    )

  const reserve = (call: ModelCall): Effect.Effect<UsedUp | undefined> =>
    Effect.flatMap(write, (state) =>
      ledger === undefined || state !== "works"
        ? inMemory(call, state === "works" ? "absent" : state)
        : inLedger(call, ledger)
    )

  const record: Effect.Effect<void> = Effect.suspend(() =>
    ledger === undefined || memory.isEmpty
      ? Effect.void
      : Effect.flatMap(write, (state) => (state === "works" ? record : Effect.andThen(Effect.sleep(again), record)))
  )

  return {
    reserve,
    record,
    put: (call) => memory.put(call),
    remove: (id) => memory.remove(id)
  }
}
