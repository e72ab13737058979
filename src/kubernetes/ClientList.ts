/** Reads a list page by page, from one consistent snapshot of the API server. */

import { Effect } from "effect"
import type { ApiResource } from "./ApiResource.ts"
import * as ClientRequest from "./ClientRequest.ts"
import type { Responses } from "./ClientResponse.ts"
import type { KubernetesObject, ListOptions } from "./KubernetesClient.ts"
import * as OperationName from "./OperationName.ts"
import { seal } from "./SealedSecret.ts"
import type { RequestContext } from "./StatusClassifier.ts"

const pageSize = 500

interface ListPage {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string }
  readonly items?: ReadonlyArray<KubernetesObject>
}

/** The items of a list come without kind and apiVersion, or as `PartialObjectMetadata`. */
const itemsOf = (resource: ApiResource, page: ListPage): ReadonlyArray<KubernetesObject> =>
  (page.items ?? []).map((item) => seal({ ...item, apiVersion: resource.apiVersion, kind: resource.kind }))

/** All objects that the options select, and the `resourceVersion` from which a watch continues. */
export const readAll = Effect.fnUntraced(function* (responses: Responses, resource: ApiResource, options: ListOptions) {
  const context: RequestContext = {
    operation: OperationName.ofKind("list", resource.kind, options.namespace),
    writes: false
  }
  const items: Array<KubernetesObject> = []
  const most = options.limit ?? Infinity
  let token: string | undefined
  let resourceVersion = ""
  do {
    const limit = Math.min(pageSize, most - items.length)
    const page: ListPage = yield* responses.json<ListPage>(
      context,
      ClientRequest.list(resource, options, { limit, token })
    )
    items.push(...itemsOf(resource, page))
    token = page.metadata?.continue
    resourceVersion = page.metadata?.resourceVersion ?? ""
  } while (token !== undefined && token !== "" && items.length < most)
  return { items, resourceVersion }
})
