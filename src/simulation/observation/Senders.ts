/**
 * Finds the execution of a write at the cluster. A patch and a new object have it as an annotation. An eviction or a
 * deletion has none, and is found by the intent that was committed before it, which names the uid of one object.
 */

import type { Change } from "../../domain/Change.ts"
import type { Intent } from "../../domain/Execution.ts"

export class Senders {
  private readonly unsigned = new Map<string, string>()

  intended({ changes, executionId }: Pick<Intent, "changes" | "executionId">): void {
    for (const change of changes) this.unsigned.set(JSON.stringify(change), executionId)
  }

  /** The execution; `undefined` where no intent has this write. */
  of({ change, executionId }: { readonly change: Change; readonly executionId?: string }): string | undefined {
    return executionId ?? this.unsigned.get(JSON.stringify(change))
  }
}
