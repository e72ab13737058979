/** When an alert fired: one of its episodes. */

import type { Timestamp } from "./Timestamp.ts"

export interface Firing {
  /** When it began, by the clock of the sender, and at the latest when it was received. */
  readonly from: Timestamp
  /** When it ended; where no resolution was received, when it was last heard. */
  readonly to: Timestamp
}
