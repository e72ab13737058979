/** The accounts that serve nobody for now. They are durable, so that a restart costs no further call. */

import { Context, type Effect } from "effect"
import type { AccountLine, AccountSuspension } from "../domain/AccountSuspension.ts"
import type { StorageError } from "./StorageError.ts"

/** Records and reads suspensions. Provided by the layers of `Storage`. */
export class AccountSuspensions extends Context.Service<
  AccountSuspensions,
  {
    /** Those that were recorded and not removed, also those whose time is over. One that cannot be read is left out. */
    readonly all: Effect.Effect<ReadonlyArray<AccountSuspension>, StorageError>
    /**
     * Records the suspension of an account, or removes it, with its line of the audit log in one transaction. Returns
     * after the commit.
     */
    readonly record: (
      account: string,
      suspension: AccountSuspension | undefined,
      line: AccountLine
    ) => Effect.Effect<void, StorageError>
  }
>()("kubernaut/storage/AccountSuspensions") {}
