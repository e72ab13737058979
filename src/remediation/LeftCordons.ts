/**
 * Finds the cordons of Kubernaut whose remediation has ended without a reason to keep the node out, and reports them.
 *
 * | the cordon                                | then                                                  |
 * | ----------------------------------------- | ----------------------------------------------------- |
 * | is somebody else's                        | nothing                                               |
 * | is of a remediation that is open          | nothing: its actor undoes it, also after a crash      |
 * | is of one that ended `Remediated`         | nothing: the verdict is that the node should stay out |
 * | is of one that ended in any other way     | reported                                              |
 * | is of one that is archived                | as it ended; reported if only the archive says how    |
 * | is of one that the database does not know | reported: its owner is gone for good                  |
 *
 * It is reported, not undone. A drain that gives up is undone by the rollback of its remediation, which is journaled
 * and checks who has changed the node. Here that check is no longer possible: the node may be out because a person has
 * come to rely on it, or because it is broken. To leave a node out costs capacity; to give a broken one back costs
 * pods.
 */

import { Effect, Option, Schema } from "effect"
import { isFinal, RemediationId, type RemediationState } from "../domain/Remediation.ts"
import { KubernetesClient, type KubernetesError } from "../kubernetes/KubernetesClient.ts"
import type { Node } from "../kubernetes/ObjectModel.ts"
import { cordonedFor, isOwnCordon } from "../kubernetes/OwnCordon.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"

/** A cordon that nobody takes back. */
export interface LeftCordon {
  readonly node: string
  /** Absent if the node does not name it. */
  readonly remediation: string | undefined
  /** For people: why it is left, and what to do. */
  readonly message: string
}

/** What is known of the remediation that has cordoned a node. */
interface Owner {
  /** Absent: an earlier version has archived it without its state. */
  readonly state?: RemediationState
  /** The file of the archive that has it. Absent: it is in the database. */
  readonly file?: string
}

const endOf = (id: string | undefined, { file, state }: Owner): string =>
  state === undefined
    ? `its remediation ${id} is archived: the file ${file} says how it ended.`
    : `its remediation ${id} ended ${state}${file === undefined ? "." : `, and is archived in ${file}.`}`

/** Why a node's own cordon is left; `undefined` if somebody is responsible for it. */
export const leftCordon = (node: Node, remediation: Owner | undefined): LeftCordon | undefined => {
  if (!isOwnCordon(node)) return undefined
  const { name } = node.metadata
  const id = cordonedFor(node)
  const told = (why: string): LeftCordon => ({
    node: name,
    remediation: id,
    message: `Kubernaut cordoned ${name} and nobody gives it back: ${why} If the node is well, run kubectl uncordon ${name}.`
  })
  if (remediation === undefined) return told(`the database does not know its remediation ${id ?? "(none)"}.`)
  const { state } = remediation
  if (state !== undefined && (!isFinal(state) || state === "Remediated")) return undefined
  return told(endOf(id, remediation))
}

/** A person may have changed the annotation to anything. */
const asId = Schema.decodeUnknownOption(RemediationId)

const ownerOf = Effect.fnUntraced(function* (store: RemediationStore["Service"], name: string | undefined) {
  const id = Option.getOrUndefined(asId(name))
  if (id === undefined) return undefined
  const found = Option.getOrUndefined(yield* store.get(id))
  return found === undefined ? Option.getOrUndefined(yield* store.archivedIn(id)) : { state: found.state }
})

/** The cordons that are left now. */
export const find: Effect.Effect<
  ReadonlyArray<LeftCordon>,
  KubernetesError | StorageError,
  KubernetesClient | RemediationStore
> = Effect.gen(function* () {
  const client = yield* KubernetesClient
  const store = yield* RemediationStore
  const nodes = ((yield* client.list("Node", {})) as ReadonlyArray<Node>).filter(isOwnCordon)
  const found = yield* Effect.forEach(nodes, (node) =>
    Effect.map(ownerOf(store, cordonedFor(node)), (owner) => leftCordon(node, owner))
  )
  return found.flatMap((each) => each ?? [])
})

/** The first look comes long after the open remediations have been resumed. */
const interval = "1 hour"

/** Reports each cordon that is left once. A cluster that can't be read is looked at again an hour later. */
export const watch: Effect.Effect<never, never, KubernetesClient | RemediationStore> = Effect.gen(function* () {
  const reported = new Set<string>()
  while (true) {
    yield* Effect.sleep(interval)
    const left = yield* Effect.orElseSucceed(find, (): ReadonlyArray<LeftCordon> => [])
    for (const { message, node, remediation } of left) {
      const key = `${node} ${remediation ?? ""}`
      if (reported.has(key)) continue
      reported.add(key)
      yield* Effect.logWarning(message).pipe(Effect.annotateLogs({ node, remediation: remediation ?? "unknown" }))
    }
  }
})
