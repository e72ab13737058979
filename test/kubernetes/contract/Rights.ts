/** The questions about the own rights. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Permission } from "../../../src/kubernetes/Access.ts"
import { covers, inNamespace } from "../../../src/kubernetes/AccessRules.ts"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { allPermissions } from "../../../src/kubernetes/Permissions.ts"
import { type ContractTests, refusedAs } from "./Fixtures.ts"

const rightsOf = Effect.map(KubernetesClient, ({ rights }) => rights ?? assert.fail("the client knows no rights"))

export const rights = (it: ContractTests): void => {
  it.effect("an administrator may do everything that the service does, by question and by rules", () =>
    Effect.gen(function* () {
      const { may, rules } = yield* rightsOf
      const granted = yield* rules("default")
      yield* Effect.forEach(
        allPermissions,
        (permission: Permission) =>
          Effect.gen(function* () {
            assert.isTrue(yield* may(inNamespace(permission, "default")), JSON.stringify(permission))
            assert.isTrue(yield* may(inNamespace(permission, "")), JSON.stringify(permission))
            assert.isTrue(covers(granted.rules, permission), JSON.stringify(permission))
          }),
        { concurrency: 8 }
      )
    })
  )

  it.effect("the question for a right refuses an unsupported kind as Invalid", () =>
    Effect.gen(function* () {
      const { may } = yield* rightsOf
      yield* refusedAs(may({ verb: "get", kind: "Lease", namespace: "default" }), "Invalid")
    })
  )
}
