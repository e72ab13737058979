/**
 * Whatever happens to the receivers, the database and the process:
 *
 * - **Never lost.** Each escalation, question, rollback and remediation that was committed arrives in the end.
 * - **Never doubled without a trace.** What arrives twice has the key that it had before.
 *
 * The journal says what people have to be told. The outbox is never read.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import type { CommittedEvent, Handlers } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

/** What a committed event has to be told as; `undefined`: nobody needs to know. */
const toldAs = ({ event }: CommittedEvent): string | undefined => {
  if (event._tag === "Decided") return event.decision.outcome === "review" ? "approval-waiting" : undefined
  if (event._tag !== "Concluded") return undefined
  switch (event.state) {
    case "Escalated":
      return "escalated"
    case "RolledBack":
      return "rolled-back"
    case "Remediated":
      return "remediated"
    default:
      return undefined
  }
}

interface Account {
  /** How often it was committed. */
  due: number
  /** The keys under which it has arrived. */
  readonly keys: Set<string>
}

type Accounts = Map<string, Account>

const accountOf = (accounts: Accounts, what: string): Account => {
  const known = accounts.get(what) ?? { due: 0, keys: new Set<string>() }
  accounts.set(what, known)
  return known
}

/** Nobody is notified in other scenarios. */
const isWatched = ({ scenario }: Setting): boolean => scenario.notifications === true

/** Counts what is due, and under which keys it has arrived. */
const counting = (accounts: Accounts, arrived: (what: string, account: Account) => void = () => {}): Handlers => ({
  Committed: ({ events }) => {
    for (const event of events) {
      if (event.kind !== "Concluded" && event.kind !== "Decided") continue
      const kind = toldAs(event)
      if (kind !== undefined) accountOf(accounts, `${kind} of ${event.remediationId}`).due++
    }
  },
  NotificationArrived: ({ notifications }) => {
    for (const { key, kind, remediation } of notifications) {
      if (remediation === undefined) continue
      const what = `${kind} of ${remediation}`
      const account = accountOf(accounts, what)
      account.keys.add(key)
      arrived(what, account)
    }
  }
})

export const notificationsNeverLost: Invariant = {
  name: "notifications-never-lost",
  description: "Every escalation, question, rollback and remediation that was committed reaches the people in the end.",
  make: (setting, report) => {
    if (!isWatched(setting)) return {}
    const accounts: Accounts = new Map()
    const missing = () => [...accounts].filter(([, { due, keys }]) => keys.size < due).map(([what]) => what)
    return {
      on: counting(accounts),
      pending: () => missing().map((what) => `nobody was told: ${what}`),
      atEnd: () => {
        const lost = missing()
        if (lost.length > 0) report(`nobody was told: ${lost.slice(0, 3).join(", ")}${lost.length > 3 ? ", …" : ""}`)
      }
    }
  }
}

const told: ReadonlySet<string> = new Set(["escalated", "approval-waiting", "rolled-back", "remediated"])

export const notificationsNeverDoubled: Invariant = {
  name: "notifications-never-doubled",
  description: "What people are told twice has the same key, by which they know that it is one.",
  make: (setting, report) => {
    if (!isWatched(setting)) return {}
    return {
      on: counting(new Map(), (what, { due, keys }) => {
        if (told.has(what.split(" ")[0] ?? "") && keys.size > due)
          report(`${what} arrived under ${keys.size} keys, and happened ${due} times`)
      })
    }
  }
}
