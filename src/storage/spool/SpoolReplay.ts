/** Replays the spool while the service runs. `Kubernaut.layer` provides it, and supervises it. */

import { Context, type Effect } from "effect"

export class SpoolReplay extends Context.Service<
  SpoolReplay,
  {
    /** Takes what waits in the spool into the database, in order, for ever. Run it as a supervised child. */
    readonly run: Effect.Effect<never>
  }
>()("kubernaut/storage/spool/SpoolReplay") {}
