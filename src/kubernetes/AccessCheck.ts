/**
 * Asks the API server, before an action, whether Kubernaut has the rights that the action needs.
 *
 * Most answers come from the rules in force in the namespace: one request for all rights in it. What those rules do not
 * grant, and what lies outside of namespaces, is asked one by one, because another authorizer than RBAC may grant it. A
 * _no_ is therefore always the API server's own answer to the very question.
 *
 * Answers are kept for a short time, so that an action under load costs no request: a _yes_ for 60 seconds, a _no_ for
 * 10 seconds, so that a corrected role is soon noticed. (The API server itself keeps those of a webhook for 5 minutes
 * and 30 seconds.) A right that is taken away meanwhile is found by the write itself. Other credentials may have other
 * rights, so their first action asks again.
 *
 * A question without an answer is not a _no_. It fails like any read if the API server does not respond. Where the
 * question itself is refused, nothing is known, so nothing is missing: the request that needs the right will find out.
 */

import { Deferred, Effect, Exit } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Access, PolicyRule } from "./Access.ts"
import { covers, isNamespaced, keyOf } from "./AccessRules.ts"
import type { KubernetesClient, KubernetesError, Rights } from "./KubernetesClient.ts"

const allowedMs = 60_000
const deniedMs = 10_000
/** Of namespaces, and of answers. A bound for clusters that make and drop namespaces; all are dropped at once. */
const mostKept = 1000
/** How often a question is asked while the credentials change. Without an answer nothing is known. */
const mostTries = 3

/** Finds out which rights are missing. */
export interface AccessCheck {
  /** The accesses that the API server denies, in the given order. Empty if nothing is known. */
  readonly missing: (accesses: ReadonlyArray<Access>) => Effect.Effect<ReadonlyArray<Access>, KubernetesError>
}

/** The rules of a namespace may come from a RoleBinding, which says nothing about nodes and other namespaces. */
const isInNamespace = (access: Access): boolean => isNamespaced(access) && access.namespace !== ""

const isRefusedQuestion = ({ reason: { _tag } }: KubernetesError): boolean =>
  _tag === "Forbidden" || _tag === "NotFound" || _tag === "Invalid" || _tag === "PolicyDenied"

/** Asks through `client`. A client that cannot tell knows of nothing that is missing. */
export const make = ({ rights }: KubernetesClient["Service"]): AccessCheck =>
  rights === undefined ? { missing: () => Effect.succeed([]) } : makeWith(rights)

/**
 * Actions that begin together ask once, and share what became of the question: to wait for each other, one patience
 * after the other, would take hours. After an interruption nothing is known.
 */
const makeShared = () => {
  const inFlight = new Map<string, Deferred.Deferred<void, KubernetesError>>()
  return (question: string, ask: Effect.Effect<void, KubernetesError>): Effect.Effect<void, KubernetesError> =>
    Effect.suspend(() => {
      const running = inFlight.get(question)
      if (running !== undefined) return Deferred.await(running)
      const deferred = Deferred.makeUnsafe<void, KubernetesError>()
      inFlight.set(question, deferred)
      return Effect.onExit(ask, (exit) =>
        Effect.sync(() => {
          inFlight.delete(question)
          Deferred.doneUnsafe(deferred, Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? Exit.void : exit)
        })
      )
    })
}

/** The answers that the current credentials got lately. `generation` changes with the credentials. */
const makeKept = (generation: () => number) => {
  const rulesOf = new Map<string, { readonly rules: ReadonlyArray<PolicyRule>; readonly untilMs: number }>()
  const answers = new Map<string, { readonly allowed: boolean; readonly untilMs: number }>()
  /** The generation of the credentials for which the answers are. */
  let askedAs = generation()

  /** Drops the answers that other credentials got. */
  const forgetOthers = (): void => {
    if (askedAs === generation()) return
    askedAs = generation()
    rulesOf.clear()
    answers.clear()
  }

  return {
    forgetOthers,
    /** `undefined` if nobody has answered lately. */
    known: (access: Access, nowMs: number): boolean | undefined => {
      const granted = isInNamespace(access) ? rulesOf.get(access.namespace) : undefined
      if (granted !== undefined && granted.untilMs > nowMs && covers(granted.rules, access)) return true
      const answer = answers.get(keyOf(access))
      return answer === undefined || answer.untilMs <= nowMs ? undefined : answer.allowed
    },
    keepRules: (namespace: string, rules: ReadonlyArray<PolicyRule>, nowMs: number): void => {
      forgetOthers()
      if (rulesOf.size >= mostKept) rulesOf.clear()
      rulesOf.set(namespace, { rules, untilMs: nowMs + allowedMs })
    },
    keepAnswer: (access: Access, allowed: boolean, nowMs: number): void => {
      forgetOthers()
      if (answers.size >= mostKept) answers.clear()
      answers.set(keyOf(access), { allowed, untilMs: nowMs + (allowed ? allowedMs : deniedMs) })
    },
    isFresh: (namespace: string, nowMs: number): boolean => (rulesOf.get(namespace)?.untilMs ?? 0) > nowMs
  }
}

/** Asks again if the credentials have changed meanwhile: it is not known which of them got the answer. */
const asOne = <A>(
  generation: () => number,
  question: Effect.Effect<A, KubernetesError>,
  keep: (answer: A, nowMs: number) => void
): Effect.Effect<void, KubernetesError> =>
  Effect.gen(function* () {
    for (let tries = 0; tries < mostTries; tries++) {
      const sentAs = generation()
      const answer = yield* question
      const nowMs = yield* Monotonic.nowMs
      if (sentAs === generation()) return keep(answer, nowMs)
    }
  })

const makeWith = (rights: Rights): AccessCheck => {
  const generation = () => rights.generation?.() ?? 0
  const { forgetOthers, isFresh, keepAnswer, keepRules, known } = makeKept(generation)
  const shared = makeShared()

  const unknownAt = (accesses: ReadonlyArray<Access>, nowMs: number) =>
    accesses.filter((access) => known(access, nowMs) === undefined)

  const asked = (question: string, effect: Effect.Effect<void, KubernetesError>) =>
    Effect.suspend(() =>
      Effect.catchIf(shared(`${generation()} ${question}`, effect), isRefusedQuestion, () => Effect.void)
    )

  const askRules = (namespace: string) =>
    asked(
      `rules of ${namespace}`,
      asOne(generation, rights.rules(namespace), ({ rules }, nowMs) => keepRules(namespace, rules, nowMs))
    )

  const askFor = (access: Access) =>
    asked(
      keyOf(access),
      asOne(generation, rights.may(access), (allowed, nowMs) => keepAnswer(access, allowed, nowMs))
    )

  const missing = Effect.fn("AccessCheck.missing")(function* (accesses: ReadonlyArray<Access>) {
    const startMs = yield* Monotonic.nowMs
    forgetOthers()
    const open = unknownAt(accesses, startMs)
    const namespaces = new Set(open.filter(isInNamespace).map(({ namespace }) => namespace))
    yield* Effect.forEach(
      [...namespaces].filter((namespace) => !isFresh(namespace, startMs)),
      askRules,
      { concurrency: 4, discard: true }
    )
    yield* Effect.forEach(unknownAt(open, yield* Monotonic.nowMs), askFor, { concurrency: 8, discard: true })
    const nowMs = yield* Monotonic.nowMs
    forgetOthers()
    return accesses.filter((access) => known(access, nowMs) === false)
  })

  return { missing }
}
