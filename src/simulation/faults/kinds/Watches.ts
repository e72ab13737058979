/**
 * What happens to the watches of the change journal: the API server no longer has their events (410), it does not
 * respond, their connections die without an end, or bookmarks are lost.
 */

import { Schema } from "effect"
import type { WatchFault } from "../../farEnds/paths/WatchPath.ts"
import { type FaultKind, kind } from "../FaultKind.ts"

/** Kinds whose watches are disturbed at the same time. */
const groups = [
  ["ResourceQuota", "ConfigMap"],
  ["Deployment", "StatefulSet", "DaemonSet"],
  ["Service", "Ingress", "NetworkPolicy", "Namespace", "Node"]
] as const

/** How many fibers a service at rest has is measured before this moment: with all its watches. */
const settledMs = 20_000

const watchFault = (
  name: string,
  description: string,
  lasts: readonly [number, number],
  how: Omit<WatchFault, "concerns">
): FaultKind =>
  kind({
    name,
    target: "changes",
    description,
    parameters: Schema.Struct({ kinds: Schema.Array(Schema.String) }),
    lasts,
    draw: (random) => ({ kinds: random.chance(0.3) ? groups.flat() : random.pick(groups) }),
    apply: ({ kinds }, { farEnds: { cluster }, world }) =>
      world.nowMs < settledMs ? () => {} : cluster.watches.disturb({ ...how, concerns: (kind) => kinds.includes(kind) })
  })

export const watchFaults: ReadonlyArray<FaultKind> = [
  watchFault(
    "watch-expired",
    "The API server no longer has the events of watches (410), so that they begin with a list again.",
    [1_000, 120_000],
    { expires: true }
  ),
  watchFault("watch-unavailable", "Watches end, and none can be opened for a while.", [5_000, 600_000], {
    unavailable: true
  }),
  watchFault(
    "watch-dead",
    "Nothing more arrives on the connections of watches, and nobody closes them.",
    [1_000, 300_000],
    {
      dies: true
    }
  ),
  watchFault("bookmarks-lost", "The bookmarks of watches do not arrive.", [60_000, 900_000], { losesBookmarks: true })
]
