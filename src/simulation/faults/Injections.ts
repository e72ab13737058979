/**
 * The five failure injections of the requirements (`docs/requirements.md`), as sets of fault kinds: `simulate --inject
 * network-partition`.
 *
 * A fault kind may belong to several injections. `missing` describes the parts of an injection that are not simulated.
 */

import type { FaultKind } from "./FaultKind.ts"

export interface Injection {
  readonly name: string
  /** The title in the requirements. */
  readonly title: string
  readonly has: (kind: FaultKind) => boolean
  /** The parts that cannot be injected yet; empty when all of it can. */
  readonly missing: string
}

const named = (...names: ReadonlyArray<string>) => {
  const known = new Set(names)
  return ({ name }: FaultKind): boolean => known.has(name)
}

const isDown = named("service-down", "flapping")
const isDependency = named(
  "service-down",
  "dependency-hang",
  "error-storm",
  "flapping",
  "rate-limited",
  "late-answer",
  "authentication-failure",
  "quota-exhausted",
  "silent-stream",
  "stream-cut",
  "step-limit",
  "tool-loop",
  "rotated-key"
)
const isExhaustion = named(
  "kubernetes-storage-full",
  "kubernetes-insufficient-storage",
  "kubernetes-quota-exceeded",
  "kubernetes-limit-range",
  "kubernetes-overloaded",
  "kubernetes-overloaded-absurd",
  "kubernetes-disruption-budget",
  "rate-limited",
  "quota-exhausted",
  "context-overflow",
  "storage-full",
  "storage-slow",
  "storage-locked",
  "spool-full",
  "spool-slow",
  "container-pressure"
)
const isSecurity = named(
  "prompt-injection",
  "authentication-failure",
  "kubernetes-unauthorized",
  "kubernetes-forbidden",
  "kubernetes-webhook-denial",
  "kubernetes-policy-denial",
  "kubernetes-pod-security",
  "kubernetes-interference"
)

export const all: ReadonlyArray<Injection> = [
  {
    name: "service-termination",
    title: "Random service termination",
    has: (kind) => (kind.target === "service" && kind.name.startsWith("process-")) || isDown(kind),
    missing: ""
  },
  {
    name: "network-partition",
    title: "Network partition simulation",
    has: ({ target }) => target === "network",
    missing: "a partition between several instances of the service: this version runs one"
  },
  {
    name: "resource-exhaustion",
    title: "Resource exhaustion testing",
    has: isExhaustion,
    missing: ""
  },
  {
    name: "dependency-failure",
    title: "External dependency failures",
    has: (kind) => isDependency(kind) || ["models", "cluster", "database", "spoolFolder"].includes(kind.target),
    missing: ""
  },
  {
    name: "security-incident",
    title: "Security incident simulation",
    has: isSecurity,
    missing: "a broken audit log, which is an emergency: nobody edits the database of the simulator"
  }
]

export const byName: ReadonlyMap<string, Injection> = new Map(all.map((injection) => [injection.name, injection]))

/** The kinds of all these injections. */
export const kindsOf = (
  injections: ReadonlyArray<Injection>,
  kinds: ReadonlyArray<FaultKind>
): ReadonlyArray<FaultKind> => kinds.filter((kind) => injections.some(({ has }) => has(kind)))
