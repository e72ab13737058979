/** The contract of every implementation of `storage`: one file for each promise. */

import { describe } from "@effect/vitest"
import { history } from "./ActionHistory.contract.ts"
import { auditing } from "./AuditLog.contract.ts"
import { accepting } from "./promises/Accept.contract.ts"
import { anyOrder } from "./promises/AnyOrder.contract.ts"
import { episodes } from "./promises/Episode.contract.ts"
import { fencing } from "./promises/Fence.contract.ts"
import { handingOver } from "./promises/Handover.contract.ts"
import { listing } from "./promises/List.contract.ts"
import { resolving } from "./promises/Resolve.contract.ts"
import { retargeting } from "./promises/Retarget.contract.ts"
import { reviewing } from "./promises/Review.contract.ts"
import { rollingBack } from "./promises/Rollback.contract.ts"
import { spending } from "./SpendLedger.contract.ts"
import type { StorageLayer } from "./StorageLayer.ts"

export const contract = (name: string, layer: StorageLayer): void => {
  describe(`storage on ${name}`, () => {
    accepting(layer)
    episodes(layer)
    handingOver(layer)
    resolving(layer)
    fencing(layer)
    retargeting(layer)
    reviewing(layer)
    rollingBack(layer)
    history(layer)
    auditing(layer)
    spending(layer)
    listing(layer)
    anyOrder(layer)
  })
}
