/**
 * Kinds that the operator names besides those of `ApiResource`, such as `security.istio.io/v1/AuthorizationPolicy`.
 *
 * The name in URL paths is found by API discovery when the kind is first used. A fourth part gives it instead, as in
 * `security.istio.io/v1/AuthorizationPolicy/authorizationpolicies`: the kind then has namespaces.
 */

import { Effect } from "effect"
import { type ApiResource, find, findWatched, unknownKind } from "./ApiResource.ts"
import * as ClientRequest from "./ClientRequest.ts"
import type { Responses } from "./ClientResponse.ts"
import { KubernetesError } from "./KubernetesClient.ts"

/** A kind as the operator names it. */
export interface CustomKind {
  readonly apiVersion: string
  readonly kind: string
  readonly plural?: string
}

const form = /^([a-z0-9.-]+\/v[a-z0-9]+)\/([A-Z][A-Za-z0-9]*)(?:\/([a-z0-9.-]+))?$/

/** What is wrong with a text, as a clause for people; `undefined` if it names a custom kind. */
export const problemOf = (text: string): string | undefined => {
  const kind = form.exec(text)?.[2]
  if (kind === undefined)
    return `${text} has not the form group/version/Kind, such as security.istio.io/v1/AuthorizationPolicy`
  return findWatched(kind) === undefined
    ? undefined
    : `${text} has the name of a built-in kind, which is known already: leave it out`
}

/** The kind that a text names; `undefined` for a text that names none. */
export const parse = (text: string): CustomKind | undefined => {
  const [, apiVersion, kind, plural] = form.exec(text) ?? []
  if (apiVersion === undefined || kind === undefined || problemOf(text) !== undefined) return undefined
  return { apiVersion, kind, ...(plural === undefined ? {} : { plural }) }
}

/** The custom kinds in a list of texts. Others are left out. */
export const parseAll = (texts: ReadonlyArray<string> = []): ReadonlyArray<CustomKind> =>
  texts.flatMap((text) => parse(text) ?? [])

/** The entry of a custom kind whose name in paths nobody has to find out: Kubernetes' plural of most kinds. */
export const guessed = ({ apiVersion, kind, plural }: CustomKind): ApiResource => ({
  kind,
  apiVersion,
  plural: plural ?? kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se").concat("s"),
  namespaced: true
})

/** Finds the entry of a kind. Fails with `Invalid` for an unknown kind, and with `NotFound` for one that is not served. */
export type Resolve = (kind: string, operation: string) => Effect.Effect<ApiResource, KubernetesError>

interface Discovery {
  readonly resources?: ReadonlyArray<{
    readonly name: string
    readonly kind: string
    readonly namespaced: boolean
  }>
}

const notServed = (operation: string): KubernetesError =>
  new KubernetesError({ reason: { _tag: "NotFound" }, operation, applied: "no", retryable: false })

/** Resolves kinds on one API server: those that may be read and written, and those that may be watched. */
export const makeResolve = (
  responses: Responses,
  customKinds: ReadonlyArray<CustomKind>
): { readonly any: Resolve; readonly watched: Resolve } => {
  const found = new Map<string, ApiResource>()

  const discover = Effect.fnUntraced(function* (custom: CustomKind, operation: string) {
    if (custom.plural !== undefined) return guessed(custom)
    const { resources = [] } = yield* responses.json<Discovery>(
      { operation, writes: false },
      ClientRequest.discovery(custom.apiVersion)
    )
    const entry = resources.find(({ kind, name }) => kind === custom.kind && !name.includes("/"))
    if (entry === undefined) return yield* notServed(operation)
    return { kind: custom.kind, apiVersion: custom.apiVersion, plural: entry.name, namespaced: entry.namespaced }
  })

  const any: Resolve = (kind, operation) => {
    const known = find(kind) ?? found.get(kind)
    if (known !== undefined) return Effect.succeed(known)
    const custom = customKinds.find((each) => each.kind === kind)
    return custom === undefined
      ? Effect.fail(unknownKind(operation))
      : Effect.tap(discover(custom, operation), (resource) => Effect.sync(() => found.set(kind, resource)))
  }

  return {
    any,
    watched: (kind, operation) => {
      const known = findWatched(kind)
      return known === undefined ? any(kind, operation) : Effect.succeed(known)
    }
  }
}
