/** What the service under test gets from outside its process. `Simulation` builds it from the far ends. */

import type { Effect, Layer, Redacted } from "effect"
import type { LanguageModel } from "effect/ai"
import type { HttpClient } from "effect/http"
import type { PressureReading } from "../../health/Pressure.ts"
import type { InvestigatorError } from "../../investigation/Investigator.ts"
import type { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
import type { NotificationSinks } from "../../notification/NotificationSink.ts"
import type { AlertSpool } from "../../storage/spool/AlertSpool.ts"
import type * as Storage from "../../storage/Storage.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import type { FiringAlerts } from "../../verification/FiringAlerts.ts"

export interface LanguageModelPort {
  readonly layer: Layer.Layer<LanguageModel.LanguageModel>
  /** Succeeds when the provider responds. */
  readonly probe: Effect.Effect<void, InvestigatorError>
}

export interface ServicePorts {
  readonly alerts: Layer.Layer<FiringAlerts>
  readonly cluster: Layer.Layer<KubernetesClient>
  /** Each build is a connection of its own. */
  readonly storage: Layer.Layer<Storage.Services, StorageError>
  /** Each build is that of one process. */
  readonly spool: Layer.Layer<AlertSpool>
  readonly holmesgpt: {
    readonly url: string
    /** Reads the key from its file. */
    readonly apiKey: Effect.Effect<Redacted.Redacted>
    readonly layer: Layer.Layer<HttpClient.HttpClient>
  }
  readonly languageModels: { readonly alpha: LanguageModelPort; readonly beta: LanguageModelPort }
  /** The tracer, exporting to the receiver of traces. Each build is a process of its own. */
  readonly tracing: Layer.Layer<never>
  /** The CPU and memory of its container. Absent: nothing is known about them. */
  readonly pressure?: Effect.Effect<PressureReading>
  /** The sinks of notifications; none where the scenario has none. */
  readonly notifications: Layer.Layer<NotificationSinks>
  /** Whether a fault caused this error; a service that dies from any other has a bug. */
  readonly isSimulated: (error: unknown) => boolean
}
