/**
 * As whom Kubernaut connects: the identity of the connection, then those that the operator listed for the case that it
 * is rejected.
 *
 *     request ── 401 ──> another request has renewed or switched meanwhile ──> send again
 *                 └────> read the credentials of this identity again ────────> send again
 *                 └────> they were just read: the next identity of the list ──> send again
 *                 └────> there is none: back to the first one, and the 401 is final. The list is tried once in 10 s
 *
 * Only a 401 leads to another identity: it says that the credentials are not valid. A 403 says that the identity may
 * not do it, and another identity would circumvent that. Server, CA and proxy never change with the identity, and
 * `ClusterIdentity` confirms the cluster before each write as before.
 */

import { Effect } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Credentials, Pinned, Reread } from "./ClientConnection.ts"

/** That another identity is used from now on. */
export interface IdentityChange {
  readonly from: string
  readonly to: string
}

export interface Identities {
  /** The credentials of the current identity. */
  readonly credentials: () => Credentials
  /** A number that changes with the credentials. */
  readonly generation: () => number
  /** Whether the context of the kubeconfig leads to another server than at start. */
  readonly serverChanged: () => boolean
  /** What follows a 401 for a request of this generation: whether it can be sent again with other credentials. */
  readonly afterUnauthorized: (generation: number) => Effect.Effect<boolean>
  /** The API server accepted the identity of a request of this generation. */
  readonly accepted: (generation: number) => Effect.Effect<void>
  /** How many identities there are. */
  readonly count: number
}

const renewEveryMs = 10_000

interface Held {
  readonly name: string
  readonly reread: () => Reread
  credentials: Credentials
  renewedAtMs: number
}

/** `forget` drops what a credential plugin returned, and `onChange` hears of every other identity. */
export const make = (
  { alternatives, credentials, place, reread }: Pinned,
  forget: () => void,
  onChange: (change: IdentityChange) => Effect.Effect<void>
): Identities => {
  const held: ReadonlyArray<Held> = [
    { name: place.context, credentials, reread, renewedAtMs: -Infinity },
    ...alternatives.map((each): Held => ({ ...each, renewedAtMs: -Infinity }))
  ]
  let index = 0
  let generation = 0
  let changed = false
  /** The identity that the API server accepted last. */
  let inUse = place.context
  /** When the last identity of the list was rejected. */
  let exhaustedAtMs = -Infinity
  const current = (): Held => held[index]!

  /** Reads the credentials of the current identity again, at most once in 10 seconds. */
  const renew = Effect.gen(function* () {
    const identity = current()
    const nowMs = yield* Monotonic.nowMs
    if (nowMs - identity.renewedAtMs < renewEveryMs) return false
    identity.renewedAtMs = nowMs
    forget()
    const next = identity.reread()
    if (next._tag === "OtherServer") {
      changed = true
      yield* Effect.logError(
        "The context of the kubeconfig now leads to another server, so nothing is written until a restart",
        { context: identity.name, file: place.file, server: place.server }
      )
    }
    if (next._tag !== "Credentials") return false
    identity.credentials = next.credentials
    generation++
    return true
  })

  return {
    count: held.length,
    credentials: () => current().credentials,
    generation: () => generation,
    serverChanged: () => changed,
    afterUnauthorized: Effect.fnUntraced(function* (sentWith: number) {
      if (sentWith !== generation) return true
      if (yield* renew) return true
      if (changed || held.length === 1) return false
      const nowMs = yield* Monotonic.nowMs
      const isLast = index === held.length - 1
      if (index === 0 && nowMs - exhaustedAtMs < renewEveryMs) return false
      if (isLast) exhaustedAtMs = nowMs
      index = isLast ? 0 : index + 1
      generation++
      return !isLast
    }),
    accepted: (sentWith: number) =>
      Effect.suspend(() => {
        if (sentWith !== generation || current().name === inUse) return Effect.void
        const change = { from: inUse, to: current().name }
        inUse = change.to
        return Effect.andThen(
          Effect.logWarning("The API server rejected an identity, so another one is used", { ...change }),
          onChange(change)
        )
      })
  }
}
