/**
 * The port to a real API server, with the credentials that `@kubernetes/client-node` reads from a kubeconfig or a
 * ServiceAccount.
 *
 * **Details**
 *
 * - Patches are JSON Patch, every write carries the field manager, and a dry run is the server's own (`dryRun=All`).
 * - Lists are read in pages of 500 from one consistent snapshot.
 * - Context, server, CA and proxy are those of the kubeconfig at start. A 401 reads only the credentials of that context
 *   again (a rotated token file, a credential plugin) and sends the request once more, then with the next identity of
 *   `identities`. If the context then leads to another server, every write fails with `WrongCluster` until a restart.
 * - A read that fails on a kept-alive connection is sent once more on another one. Nothing else is retried here: retries
 *   belong to `ResilientClient`, which has a budget and a circuit breaker.
 *
 * **Gotchas**
 *
 * A timeout or an interruption closes the socket, but the server may complete a write that it has received. The outcome
 * of such a write is `unknown`.
 */

import { type Duration, Effect, Layer } from "effect"
import { unknownKind } from "./ApiResource.ts"
import { type ConnectionError, type ConnectionOptions, pin } from "./ClientConnection.ts"
import * as ClientList from "./ClientList.ts"
import * as ClientRequest from "./ClientRequest.ts"
import * as ClientResponse from "./ClientResponse.ts"
import * as ClientRights from "./ClientRights.ts"
import * as ClientTransport from "./ClientTransport.ts"
import * as ClientWatch from "./ClientWatch.ts"
import type { ConnectionPlace } from "./ConnectionFault.ts"
import * as CustomKinds from "./CustomKinds.ts"
import type { IdentityChange } from "./Identities.ts"
import { KubernetesClient, type KubernetesObject } from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"

/** How to reach the API server. Without options: as kubectl finds it. */
export interface ClientNodeOptions extends ConnectionOptions {
  /** The time limit of one request, from connecting to the last byte of its response. Default 10 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /** The name under which the API server records writes in `managedFields`. Default `kubernaut`. */
  readonly fieldManager?: string | undefined
  /** Kinds besides the built-in ones, such as `security.istio.io/v1/AuthorizationPolicy`. Default: none. */
  readonly customKinds?: ReadonlyArray<string> | undefined
  /** Called when another identity of `identities` is used from now on, for the audit log. Default: nothing. */
  readonly onIdentity?: ((change: IdentityChange) => Effect.Effect<void>) | undefined
}

type Port = KubernetesClient["Service"]

const make = Effect.fnUntraced(function* (options: ClientNodeOptions) {
  const timeout = options.requestTimeout ?? "10 seconds"
  const fieldManager = options.fieldManager ?? "kubernaut"
  const transport = yield* ClientTransport.make(yield* pin(options), options.onIdentity)
  const responses = ClientResponse.make(transport, timeout)

  const resolve = CustomKinds.makeResolve(responses, CustomKinds.parseAll(options.customKinds))

  const get: Port["get"] = (ref) => {
    const operation = OperationName.ofObject("get", ref)
    return Effect.flatMap(resolve.any(ref.kind, operation), (resource) =>
      responses.json({ operation, writes: false }, ClientRequest.get(resource, ref))
    )
  }

  const list: Port["list"] = (kind, listOptions) =>
    Effect.flatMap(resolve.any(kind, OperationName.ofKind("list", kind, undefined)), (resource) =>
      Effect.map(ClientList.readAll(responses, resource, listOptions), ({ items }) => items)
    )

  const apply: Port["apply"] = (change, applyOptions) => {
    const operation = OperationName.ofChange(change)
    const dryRun = applyOptions?.dryRun === true
    return Effect.flatMap(resolve.any(change.ref.kind, operation), (resource) => {
      if (!dryRun && transport.identities.serverChanged()) return Effect.fail(ClientResponse.serverChanged(operation))
      const context = { operation, writes: !dryRun, creates: change._tag === "Create" }
      const request = ClientRequest.write(resource, change, dryRun, fieldManager)
      return change._tag === "Patch" || change._tag === "Create"
        ? responses.json<KubernetesObject>(context, request)
        : Effect.as(responses.text(context, request), undefined)
    })
  }

  const logs: Port["logs"] = (pod, logOptions) => {
    const operation = OperationName.ofObject("logs", pod)
    return pod.kind !== "Pod"
      ? Effect.fail(unknownKind(operation))
      : Effect.flatMap(resolve.any(pod.kind, operation), (resource) =>
          responses.text({ operation, writes: false }, ClientRequest.logs(resource, pod, logOptions))
        )
  }

  return KubernetesClient.of({
    get,
    list,
    apply,
    logs,
    watch: ClientWatch.make(transport, responses, timeout, resolve.watched),
    probe: Effect.asVoid(responses.text({ operation: "probe", writes: false }, ClientRequest.probe)),
    rights: ClientRights.make(responses, transport.identities.generation)
  })
})

/**
 * The port on a real API server.
 *
 * Fails with `ConnectionError` when no kubeconfig or ServiceAccount can be used. Does not connect before the first
 * request.
 */
export const layer = (options: ClientNodeOptions = {}): Layer.Layer<KubernetesClient, ConnectionError> =>
  Layer.effect(KubernetesClient, make(options))

/** Where the connection of `layer` is configured, to explain a fault to people. */
export const place = (options: ClientNodeOptions = {}): Effect.Effect<ConnectionPlace, ConnectionError> =>
  Effect.map(pin(options), (pinned) => pinned.place)
