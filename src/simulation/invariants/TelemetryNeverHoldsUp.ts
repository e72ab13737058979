/**
 * Whatever happens to the service's traces:
 *
 * - At most one export is in flight. None exceeds its time limit, and none soon follows one that was not accepted.
 * - The queue is bounded: every span is received, counted as dropped, or in the queue.
 * - Alerts are answered as fast as usual while nothing else fails.
 * - After healing, the service exports traces again by itself.
 */

import { exportTimeoutMs, queueCapacity } from "../farEnds/TelemetrySink.ts"
import type { ExportEnding, Handlers } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

type Report = Parameters<Invariant["make"]>[1]

/** Allowance for the latency of a request beside its time limit. */
const leewayMs = 1_000

/** Minimum time between an export that was not accepted and the next. */
const backOffMs = 900

/** Time limit for the answer to an alert when only telemetry fails. */
const answerMs = 2_000

/** The effects of another fault are over after this time. */
const calmMs = 120_000

const prefix = "telemetry-"

interface Exporting {
  open: { readonly number: number; readonly sinceMs: number } | undefined
  last: ExportEnding | undefined
  lastMs: number
}

/** Watches the exports of each process. `isAlone`: no fault of another kind is active. */
const watchExports = (report: Report, isAlone: () => boolean) => {
  const processes = new Map<number, Exporting>()
  const of = (process: number): Exporting => {
    const known = processes.get(process) ?? { open: undefined, last: undefined, lastMs: -Infinity }
    processes.set(process, known)
    return known
  }
  const on = {
    ExportBegan: ({ number, process }, atMs) => {
      const exporting = of(process)
      if (exporting.open !== undefined)
        report(`process ${process} begins export ${number} while export ${exporting.open.number} is in flight`)
      if ((exporting.last === "not-now" || exporting.last === "given-up") && atMs - exporting.lastMs < backOffMs)
        report(
          `process ${process} begins export ${number} ${atMs - exporting.lastMs} ms after one that was not accepted`
        )
      exporting.open = { number, sinceMs: atMs }
    },
    ExportEnded: ({ dropped, ending, made, number, process, received }, atMs) => {
      const exporting = of(process)
      const tookMs = atMs - (exporting.open?.sinceMs ?? atMs)
      if (tookMs > exportTimeoutMs + leewayMs && isAlone())
        report(`export ${number} of process ${process} took ${tookMs} ms`)
      exporting.open = undefined
      exporting.last = ending
      exporting.lastMs = atMs
      const queued = made - received - dropped
      if (queued > queueCapacity) report(`process ${process} queues ${queued} spans, more than ${queueCapacity}`)
      if (queued < 0)
        report(`process ${process} made ${made} spans, but ${received} arrived and it reports ${dropped} as dropped`)
    }
  } satisfies Handlers
  const newest = () => [...processes.values()].at(-1)?.last
  return {
    on,
    hasBegun: () => processes.size > 0,
    isFailing: () => newest() !== undefined && newest() !== "taken"
  }
}

/** Watches how long alerts wait for an answer. `isCalm`: nothing but telemetry fails. */
const watchAlerts = (report: Report, isCalm: (atMs: number) => boolean) => {
  const sentMs = new Map<string, number>()
  const keyOf = (
    { fingerprint, startsAt }: { readonly fingerprint: string; readonly startsAt: string },
    firing: boolean
  ) => `${fingerprint} ${startsAt} ${firing}`
  const on = {
    ProcessEnded: () => sentMs.clear(),
    AlertSent: ({ alert, firing }, atMs) => {
      if (isCalm(atMs)) sentMs.set(keyOf(alert, firing), atMs)
    },
    AlertAnswered: ({ alert, firing }, atMs) => {
      const key = keyOf(alert, firing)
      const sinceMs = sentMs.get(key)
      sentMs.delete(key)
      if (sinceMs !== undefined && atMs - sinceMs > answerMs && isCalm(atMs))
        report(`alert ${alert.fingerprint} was answered after ${atMs - sinceMs} ms while only telemetry failed`)
    }
  } satisfies Handlers
  return { on }
}

export const telemetryNeverHoldsUp: Invariant = {
  name: "telemetry-never-holds-up",
  description:
    "Traces that cannot be exported delay nothing, wait in a bounded queue, are counted when dropped, and flow again after healing.",
  make: ({ world }, report) => {
    const others = new Set<object>()
    let calmFromMs = calmMs
    let healing = false
    const disturbed = () => {
      calmFromMs = world.nowMs + calmMs
    }
    const exports = watchExports(report, () => others.size === 0)
    const alerts = watchAlerts(report, (atMs) => exports.hasBegun() && others.size === 0 && atMs >= calmFromMs)
    return {
      on: {
        ...exports.on,
        ...alerts.on,
        FaultBegan: ({ fault }) => {
          if (fault.kind.startsWith(prefix)) return
          others.add(fault)
          disturbed()
        },
        FaultHealed: ({ fault }) => {
          if (others.delete(fault)) disturbed()
        },
        ProcessEnded: () => {
          alerts.on.ProcessEnded()
          disturbed()
        },
        HealingBegan: () => {
          healing = true
        }
      },
      pending: () => (healing && exports.isFailing() ? ["traces are not exported again"] : [])
    }
  }
}
