/**
 * People and controllers change objects for better and worse, before and after alerts and while the service acts, and
 * the service records what they change. Its watches expire, die and lose bookmarks, and it is killed.
 *
 * `Scenario.steady` records nothing: it has the same incidents for the rules that know no changes.
 */

import { type Scenario, steady } from "./Scenario.ts"

export const changes: Scenario = {
  ...steady,
  name: "changes",
  incidentEveryMs: 10 * 60_000,
  service: { ...steady.service, changes: {} },
  faults: [
    "people-change-objects",
    "watch-expired",
    "watch-unavailable",
    "watch-dead",
    "bookmarks-lost",
    "hotfix-during-investigation",
    "kubernetes-interference",
    "kubernetes-lost-answer",
    "kubernetes-reverts",
    "kubernetes-stale-read",
    "kubernetes-unavailable",
    "kubernetes-unseen-change",
    "network-loss",
    "process-crash",
    "process-crash-at-write",
    "process-pause",
    "storage-down"
  ],
  faultShare: [0.4, 0.9]
}
