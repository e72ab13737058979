/**
 * The kinds whose changes are recorded: those that configure how a workload behaves.
 *
 * Pods, events and leases are not among them: they say what happened, not what somebody wanted. A kind that the cluster
 * does not serve, such as those of the Gateway API, costs one request every few minutes and is a gap. So is Secret
 * where the service has no right to watch it.
 */

import { recordedKinds } from "../kubernetes/Permissions.ts"

/** The built-in kinds. The setting adds custom ones. */
export const watchedKinds: ReadonlyArray<string> = [...recordedKinds, "Secret"]
