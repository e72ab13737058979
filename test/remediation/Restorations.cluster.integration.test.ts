/**
 * Changes of people on a real API server, taken back by whole remediations, and made again by a rollback at a person's
 * request. The objects before and after are those that the API server returns.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect } from "effect"
import * as ChangeJournal from "../../src/changes/ChangeJournal.ts"
import type { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as changes from "../execution/realChanges.ts"
import * as real from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { service, stateOf } from "./realRemediation.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const { namespace, on } = real

type Step = Effect.Effect<unknown, KubernetesError, KubernetesClient>

/** What is there before, and what a person does to the object of this kind. */
interface Row {
  readonly kind: string
  readonly made: (name: string) => Step
  readonly does: (name: string) => Step
  readonly what: string
}

const readsConfig = (name: string) => {
  const { metadata, spec } = real.template(name) as { metadata: object; spec: { containers: ReadonlyArray<object> } }
  const [main, ...others] = spec.containers
  const containers = [{ ...main, envFrom: [{ configMapRef: { name } }] }, ...others]
  return { metadata, spec: { ...spec, containers } } as ReturnType<typeof real.template>
}

const spec = (kind: string, name: string) =>
  Effect.map(real.get(on(kind, name)), (object) => object["spec"] as Parameters<typeof changes.edit>[1])

/** Replaces fields of the spec. */
const edits = (kind: string, fields: Parameters<typeof changes.edit>[1]) => (name: string) =>
  Effect.flatMap(spec(kind, name), (now) => changes.edit(on(kind, name), { spec: { ...now, ...fields } }))

const rows: ReadonlyArray<Row> = [
  {
    what: "a selector that matches nothing",
    kind: "Service",
    made: (name) => real.deploy(name),
    does: edits("Service", { selector: { app: "nobody" } })
  },
  {
    what: "another value",
    kind: "ConfigMap",
    made: (name) =>
      Effect.andThen(
        changes.write(on("ConfigMap", name), { data: { url: "a" } }),
        real.deploy(name, 2, readsConfig(name))
      ),
    does: (name) => changes.edit(on("ConfigMap", name), { data: { url: "b", extra: "c" } })
  },
  {
    what: "a lower maximum",
    kind: "HorizontalPodAutoscaler",
    made: (name) => Effect.andThen(real.deploy(name), real.createAutoscaler(name, 6)),
    does: edits("HorizontalPodAutoscaler", { maxReplicas: 3 })
  },
  {
    what: "a new one that denies everything",
    kind: "NetworkPolicy",
    made: (name) => real.deploy(name),
    does: (name) =>
      changes.write(on("NetworkPolicy", name), {
        spec: { podSelector: { matchLabels: { app: name } }, policyTypes: ["Ingress", "Egress"] }
      })
  },
  {
    what: "replicas from 3 to 0",
    kind: "Deployment",
    made: (name) => real.deploy(name, 3),
    does: edits("Deployment", { replicas: 0 })
  },
  {
    what: "a lower limit",
    kind: "ResourceQuota",
    made: (name) =>
      Effect.andThen(
        changes.write(on("ResourceQuota", name), { spec: { hard: { "count/secrets": "90" } } }),
        real.deploy(name)
      ),
    does: edits("ResourceQuota", { hard: { "count/secrets": "1" } })
  }
]

describe.skipIf(!plane.available)(`changes of people on a real API server${plane.note}`, () => {
  shareLayer(real.services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => real.openNamespace)

    it.effect.each(rows)(
      "$kind, $what: is taken back, and is there again after a rollback",
      ({ does, kind, made }) =>
        Effect.gen(function* () {
          const name = `restore-${kind.toLowerCase()}`
          const ref = on(kind, name)
          yield* made(name)
          const { change, now, old } = yield* changes.personDoes(ref, does(name))
          const { begin } = yield* Effect.provide(
            service({ kubeconfig: plane.kubeconfig }),
            ChangeJournal.layerMemory({ changes: [change] })
          )
          const run = yield* begin({
            labels: { namespace, deployment: name },
            startsAt: change.at,
            propose: () => ({ type: "RestoreObject", target: ref, change: change.id })
          })
          yield* Effect.forkScoped(Effect.andThen(run.written, run.resolve))
          const applied = yield* run.approved
          assert.strictEqual(applied.state, "Remediated", applied.conclusion)
          assert.deepStrictEqual(changes.meant(yield* changes.present(ref)), changes.meant(old))
          const undone = yield* run.rollBack
          assert.deepStrictEqual(stateOf(undone), ["RolledBack", "operator", "restored"], undone.conclusion)
          assert.deepStrictEqual(changes.meant(yield* changes.present(ref)), changes.meant(now))
        }).pipe(Effect.scoped),
      180_000
    )
  })
})
