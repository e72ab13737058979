/** The cordons that Kubernaut itself has made, as the annotations of its writes and the field managers show. Pure. */

import { isOthersField } from "./Managers.ts"
import type { Node } from "./ObjectModel.ts"

const executionAnnotation = "kubernaut.dev/execution"
const remediationAnnotation = "kubernaut.dev/remediation"

/**
 * Whether the present cordon of a node is Kubernaut's own. The annotation stays when a person uncordons the node and
 * cordons it again.
 */
export const isOwnCordon = (node: Node): boolean =>
  node.spec?.unschedulable === true
  && node.metadata.annotations?.[executionAnnotation] !== undefined
  && !isOthersField(node, "unschedulable")

/** The id of the remediation that last wrote to the node. */
export const cordonedFor = (node: Node): string | undefined => node.metadata.annotations?.[remediationAnnotation]
