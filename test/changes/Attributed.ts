/** A client whose watches report one manager, and one subresource, as the writer of all that it has patched. */

import { Clock, Effect, Stream } from "effect"
import type { KubernetesClient, KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

type Client = KubernetesClient["Service"]
type Entry = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]
type Fields = { [field: string]: Fields }

/** The set of one field, such as `{"f:spec":{"f:replicas":{}}}`. */
const fieldsAt = (pointer: string): Fields =>
  pointer
    .split("/")
    .slice(1)
    .reduceRight<Fields>((inner, step) => ({ [`f:${step}`]: inner }), {})

const keyOf = (kind: string, namespace: string, name: string) => `${kind} ${namespace}/${name}`

/** Patches through this client are those of a manager, optionally to a subresource. */
export const attributed = (client: Client, manager: string, subresource?: string): Client => {
  const written = new Map<string, Array<Entry>>()
  return {
    ...client,
    apply: (change, options) =>
      Effect.gen(function* () {
        if (change._tag === "Patch") {
          const { kind, name, namespace } = change.ref
          const time = new Date(yield* Clock.currentTimeMillis).toISOString()
          const entries = change.patch.map(({ path }) => ({
            manager,
            time,
            fieldsV1: fieldsAt(path),
            ...(subresource === undefined ? {} : { subresource })
          }))
          const key = keyOf(kind, namespace, name)
          written.set(key, [...(written.get(key) ?? []), ...entries])
        }
        return yield* client.apply(change, options)
      }),
    watch: (kind, options) =>
      client.watch(kind, options).pipe(
        Stream.map((event) => {
          const { metadata } = event.object
          const entries = written.get(keyOf(kind, metadata.namespace ?? "", metadata.name)) ?? []
          const managedFields = entries.length > 0 ? entries : metadata.managedFields
          if (managedFields === undefined) return event
          return { ...event, object: { ...event.object, metadata: { ...metadata, managedFields } } }
        })
      )
  }
}
