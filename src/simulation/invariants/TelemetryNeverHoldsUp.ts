/**
 * Whatever becomes of the service's traces: at most one request to their receiver is under way, none for longer than
 * its time, and none soon after one that was not taken; what waits is bounded, so that every span is received, counted
 * as dropped, or one of those; an alert is answered as fast as ever while nothing else is wrong; and when all is
 * healed, traces arrive again by themselves.
 */

import { exportTimeoutMs, queueCapacity } from "../farEnds/TelemetrySink.ts"
import type { ExportEnding } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

/** A request and an answer take so long at most beside the receiver's own time. */
const leewayMs = 1_000

/** Least time between one that was not taken for now and the next. */
const backOffMs = 900

/** How long an alert may take to be answered when nothing but telemetry is wrong. */
const answerMs = 2_000

/** What another fault leaves behind is over after so long. */
const calmMs = 120_000

const prefix = "telemetry-"

interface Exporting {
  open: { readonly number: number; readonly sinceMs: number } | undefined
  last: ExportEnding | undefined
  lastMs: number
}

export const telemetryNeverHoldsUp: Invariant = {
  name: "telemetry-never-holds-up",
  description:
    "Traces that can't be sent hold nobody up, wait in a bounded queue, are counted when dropped, and flow again by themselves.",
  make: ({ world }, report) => {
    const processes = new Map<number, Exporting>()
    const others = new Set<object>()
    const asked = new Map<string, number>()
    let calmFromMs = calmMs
    let healing = false
    const of = (process: number): Exporting => {
      const known = processes.get(process) ?? { open: undefined, last: undefined, lastMs: -Infinity }
      processes.set(process, known)
      return known
    }
    const newest = (): Exporting | undefined => [...processes.values()].at(-1)
    const disturbed = () => {
      calmFromMs = world.nowMs + calmMs
    }
    const keyOf = (
      { fingerprint, startsAt }: { readonly fingerprint: string; readonly startsAt: string },
      firing: boolean
    ) => `${fingerprint} ${startsAt} ${firing}`
    return {
      on: {
        FaultBegan: ({ fault }) => {
          if (fault.kind.startsWith(prefix)) return
          others.add(fault)
          disturbed()
        },
        FaultHealed: ({ fault }) => {
          if (others.delete(fault)) disturbed()
        },
        ProcessEnded: () => {
          asked.clear()
          disturbed()
        },
        HealingBegan: () => {
          healing = true
        },
        ExportBegan: ({ number, process }, atMs) => {
          const exporting = of(process)
          if (exporting.open !== undefined)
            report(`process ${process} begins export ${number} while export ${exporting.open.number} is under way`)
          if ((exporting.last === "not-now" || exporting.last === "given-up") && atMs - exporting.lastMs < backOffMs)
            report(
              `process ${process} begins export ${number} ${atMs - exporting.lastMs} ms after one that was not taken`
            )
          exporting.open = { number, sinceMs: atMs }
        },
        ExportEnded: ({ dropped, ending, made, number, process, received }, atMs) => {
          const exporting = of(process)
          const tookMs = atMs - (exporting.open?.sinceMs ?? atMs)
          if (tookMs > exportTimeoutMs + leewayMs && others.size === 0)
            report(`export ${number} of process ${process} was waited for ${tookMs} ms`)
          exporting.open = undefined
          exporting.last = ending
          exporting.lastMs = atMs
          const waiting = made - received - dropped
          if (waiting > queueCapacity) report(`${waiting} spans of process ${process} wait, more than ${queueCapacity}`)
          if (waiting < 0)
            report(
              `process ${process} made ${made} spans, of which ${received} arrived and ${dropped} are said to be dropped`
            )
        },
        AlertSent: ({ alert, firing }, atMs) => {
          if (processes.size > 0 && others.size === 0 && atMs >= calmFromMs) asked.set(keyOf(alert, firing), atMs)
        },
        AlertAnswered: ({ alert, firing }, atMs) => {
          const sinceMs = asked.get(keyOf(alert, firing))
          if (sinceMs === undefined) return
          asked.delete(keyOf(alert, firing))
          if (atMs - sinceMs > answerMs && others.size === 0 && atMs >= calmFromMs)
            report(
              `alert ${alert.fingerprint} was answered after ${atMs - sinceMs} ms while nothing but telemetry was wrong`
            )
        }
      },
      pending: () =>
        healing && newest()?.last !== undefined && newest()?.last !== "taken" ? ["traces are not exported again"] : []
    }
  }
}
