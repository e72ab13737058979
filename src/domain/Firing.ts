/** When an alert fired: one of its episodes. */

import type { ResourceRef } from "./Target.ts"
import type { Timestamp } from "./Timestamp.ts"

/** The firings before an alert, as far as they were looked for. */
export interface EarlierFirings {
  readonly firings: ReadonlyArray<Firing>
  /** Others that were received up to this time were not looked at: there are too many. Absent: all were. */
  readonly cutAt?: Timestamp
}

export interface Firing {
  /** When it began, by the clock of the sender, and at the latest when it was received. */
  readonly from: Timestamp
  /**
   * When it ended. Where no resolution was received: when it was last heard, and for another alert absent, because it
   * may fire still.
   */
  readonly to?: Timestamp
  /** The other alert that fired, about a target around. Absent: it was the alert itself. */
  readonly other?: {
    readonly name: string
    readonly target: ResourceRef
    /** Whether Kubernaut has fixed what it was about, so that nobody had to work on it. `to` is at the latest then. */
    readonly fixed: boolean
  }
}
