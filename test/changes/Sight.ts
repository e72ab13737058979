/** What the watches of a service on a real API server see. A kind that it is blind to fails, as after a long outage. */

import { Deferred, Effect, Stream } from "effect"
import { type KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"

type Client = KubernetesClient["Service"]

const failed = (kind: string, tag: "Unavailable" | "Expired"): KubernetesError =>
  new KubernetesError({ reason: { _tag: tag }, operation: `watch ${kind}`, applied: "no", retryable: true })

export class Sight {
  private readonly blind = new Map<string, Deferred.Deferred<never, KubernetesError>>()
  private readonly forgotten = new Set<string>()
  private readonly open = new Map<string, Deferred.Deferred<never, KubernetesError>>()

  /** The watches of a kind end, and are not opened again. */
  lose(kind: string) {
    return Effect.suspend(() => {
      const losing = this.losing(kind)
      this.open.delete(kind)
      this.blind.set(kind, losing)
      return Effect.asVoid(Deferred.fail(losing, failed(kind, "Unavailable")))
    })
  }

  /** Watches of the kind can be opened again. The API server no longer has the events of the time between. */
  regain(kind: string) {
    return Effect.sync(() => {
      if (this.blind.delete(kind)) this.forgotten.add(kind)
    })
  }

  private losing(kind: string) {
    let found = this.open.get(kind)
    if (found === undefined) this.open.set(kind, (found = Deferred.makeUnsafe<never, KubernetesError>()))
    return found
  }

  readonly through = (client: Client): Client => ({
    ...client,
    watch: (kind, options) =>
      Stream.suspend((): ReturnType<Client["watch"]> => {
        if (this.blind.has(kind)) return Stream.fail(failed(kind, "Unavailable"))
        if (options.from !== undefined && this.forgotten.delete(kind)) return Stream.fail(failed(kind, "Expired"))
        return Stream.interruptWhen(client.watch(kind, options), Deferred.await(this.losing(kind)))
      })
  })
}
