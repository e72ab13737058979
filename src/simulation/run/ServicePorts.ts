/** What the service under test gets from outside its process. `Simulation` builds it from the far ends. */

import type { Effect, Layer, Redacted } from "effect"
import type { LanguageModel } from "effect/ai"
import type { HttpClient } from "effect/http"
import type { InvestigatorError } from "../../investigation/Investigator.ts"
import type { KubernetesClient } from "../../kubernetes/KubernetesClient.ts"
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
  readonly holmesgpt: {
    readonly url: string
    readonly apiKey: Redacted.Redacted
    readonly layer: Layer.Layer<HttpClient.HttpClient>
  }
  readonly languageModels: { readonly alpha: LanguageModelPort; readonly beta: LanguageModelPort }
  /** The tracer, exporting to the receiver of traces. Each build is a process of its own. */
  readonly tracing: Layer.Layer<never>
  /** Whether a fault caused this error; a service that dies from any other has a bug. */
  readonly isSimulated: (error: unknown) => boolean
}
