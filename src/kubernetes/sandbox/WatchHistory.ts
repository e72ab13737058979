/** The latest changes of each kind, for watches that begin at an earlier version. */

import type { Mutation } from "./Store.ts"

/** The number of changes of a kind that are kept. A real API server keeps those of five minutes. */
const kept = 1000

/** The kinds that change all the time. A watch of them from an earlier version is `Expired`. */
const notKept: ReadonlySet<string> = new Set(["Event", "Pod"])

interface KindHistory {
  mutations: Array<Mutation>
  /** Changes up to this version are no longer known. */
  after: number
}

export const versionOf = ({ object }: Mutation): number => Number(object.metadata.resourceVersion)

/** It begins at a version: earlier changes are not known. */
export class WatchHistory {
  private readonly kinds = new Map<string, KindHistory>()
  private begin: number

  constructor(begin: number) {
    this.begin = begin
  }

  add(mutation: Mutation): void {
    const { kind } = mutation.object
    if (notKept.has(kind)) return
    let history = this.kinds.get(kind)
    if (history === undefined) this.kinds.set(kind, (history = { mutations: [], after: this.begin }))
    history.mutations.push(mutation)
    if (history.mutations.length < 2 * kept) return
    const dropped = history.mutations.splice(0, kept)
    history.after = versionOf(dropped.at(-1)!)
  }

  /** The changes of a kind after a version, in order; `undefined` if some of them are not known. */
  since(kind: string, version: number): ReadonlyArray<Mutation> | undefined {
    if (notKept.has(kind) || version < (this.kinds.get(kind)?.after ?? this.begin)) return undefined
    return (this.kinds.get(kind)?.mutations ?? []).filter((mutation) => versionOf(mutation) > version)
  }

  /** Forgets everything up to a version, as a compaction does. */
  forget(version: number): void {
    this.begin = version
    this.kinds.clear()
  }
}
