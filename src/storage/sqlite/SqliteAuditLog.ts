/** `AuditLog` on SQLite. */

import { Clock, Effect, type Schema } from "effect"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { ChainHead } from "../AuditChain.ts"
import type { AuditLog } from "../AuditLog.ts"
import type { StorageError } from "../StorageError.ts"
import type { AuditTable, Breaks } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt } from "./Sqlite.ts"

/** The number of lines checked before yielding to other fibers: about 10 ms of work. */
const linesAtOnce = 2000

/** The first invalid line after `after`. */
const firstBroken = (audit: AuditTable, after: ChainHead): Effect.Effect<number | undefined, StorageError> =>
  Effect.gen(function* () {
    let head = after
    for (;;) {
      const check = yield* attempt("verify", () => audit.check(head, linesAtOnce))
      if (check.broken !== undefined || check.done) return check.broken
      head = check.head
      yield* Effect.yieldNow
    }
  })

/** So many breaks are told apart. */
const mostBreaks = 10

/** The invalid lines after `after`. A changed hash makes the next line invalid too: that is one break. */
const breaksAfter = (audit: AuditTable, after: ChainHead): Effect.Effect<ReadonlyArray<number>, StorageError> =>
  Effect.gen(function* () {
    const breaks: Array<number> = []
    let head: ChainHead | undefined = after
    while (head !== undefined && breaks.length < mostBreaks) {
      const broken: number | undefined = yield* firstBroken(audit, head)
      if (broken === undefined) break
      breaks.push(broken)
      head = yield* attempt("verify", () => audit.from(broken + 1))
    }
    return breaks
  })

/** A break as it looked when it was found. */
interface Break {
  readonly line: number
  readonly digest: string
}

const isAmong = ({ digest, line }: Break, ...known: ReadonlyArray<Breaks>): boolean =>
  known.some((breaks) => breaks.get(line)?.has(digest) === true)

/** How many lines `verifyEnd` checks, besides those that are on record as broken. */
const endLines = 1000

export const make = (writer: BatchWriter, audit: AuditTable): AuditLog["Service"] => {
  const record: AuditLog["Service"]["record"] = ({ actor, data, kind, subject }) =>
    Effect.flatMap(Clock.currentTimeMillis, (millis) =>
      writer.write("record", "journal", () => audit.append({ actor, kind, data }, subject, fromMillis(millis)))
    )

  /** Breaks that this process has found. They count even if the database cannot record them. */
  const found = new Set<number>()

  const note = (kind: string, subject: string, data: Schema.JsonObject) =>
    Effect.ignore(record({ actor: "kubernaut", kind, subject, data }))

  /** The lines that do not fit, with what they look like now, from the first on. */
  const breaksNow = Effect.gen(function* () {
    const { acknowledged, lines, reported } = yield* attempt("verify", audit.recordedBreaks)
    const fresh = yield* breaksAfter(audit, yield* attempt("verify", () => audit.trustedHead(endLines)))
    for (const sequence of fresh) found.add(sequence)
    const breaks = yield* attempt("verify", () =>
      [...new Set([...lines, ...found])].flatMap((line): ReadonlyArray<Break> => {
        const digest = audit.breakAt(line)
        return digest === undefined ? [] : [{ line, digest }]
      })
    )
    for (const { digest, line } of breaks)
      // One that was acknowledged and looks different now is another one.
      if (!reported.has(line) || (acknowledged.has(line) && !isAmong({ digest, line }, reported, acknowledged)))
        yield* note("audit.broken", String(line), { digest })
    const sorted = breaks.toSorted((left, right) => left.line - right.line)
    const unknown = sorted.filter((each) => !isAmong(each, acknowledged))
    const intact = [...reported.keys()].filter((line) => breaks.every((each) => each.line !== line))
    if (intact.length > 0)
      yield* note("audit.intact", "audit", { breaks: intact.map((line) => ({ line })), left: unknown.length })
    return { known: sorted.filter((each) => isAmong(each, acknowledged)), unknown }
  })

  const linesOf = (breaks: ReadonlyArray<Break>): ReadonlyArray<number> => breaks.map(({ line }) => line)

  // What this call finds nobody has been told of yet, so nobody can have meant it.
  const acknowledge: AuditLog["Service"]["acknowledge"] = Effect.fnUntraced(function* ({ by, reason }) {
    const { reported: told } = yield* attempt("verify", audit.recordedBreaks)
    const foundBefore = new Set(found)
    const { unknown } = yield* breaksNow
    const breaks = unknown.filter((each) => isAmong(each, told) || (foundBefore.has(each.line) && !told.has(each.line)))
    if (breaks.length === 0) return []
    yield* record({
      actor: by,
      kind: "audit.acknowledged",
      subject: "audit",
      data: {
        breaks: breaks.map((each) => ({ ...each })),
        left: unknown.length - breaks.length,
        ...(reason === undefined ? {} : { reason })
      }
    })
    return linesOf(breaks)
  })

  return {
    record,
    read: (after, limit) => attempt("read", () => audit.read(after, limit)),
    verify: Effect.flatMap(attempt("verify", audit.start), (start) => firstBroken(audit, start)),
    verifyEnd: Effect.map(breaksNow, ({ known, unknown }) => ({
      broken: linesOf(unknown),
      acknowledged: linesOf(known)
    })),
    acknowledge
  }
}
