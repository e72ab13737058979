/**
 * Whose write it is that arrives at the cluster. A patch carries its execution as an annotation; an eviction or a
 * deletion says nothing of the kind, and is told by the intent that was committed before it: it names the uid of one
 * pod.
 */

import type { Change } from "../../domain/Change.ts"
import type { Intent } from "../../domain/Execution.ts"

export class Senders {
  private readonly unsigned = new Map<string, string>()

  intended({ changes, executionId }: Intent): void {
    for (const change of changes) this.unsigned.set(JSON.stringify(change), executionId)
  }

  /** The execution; `undefined` where nobody has intended the write. */
  of({ change, executionId }: { readonly change: Change; readonly executionId?: string }): string | undefined {
    return executionId ?? this.unsigned.get(JSON.stringify(change))
  }
}
