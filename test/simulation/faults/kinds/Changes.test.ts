/** The effects of people who change objects, and of faults of the watches of the change journal. */

import { assert } from "@effect/vitest"
import { quota, settings } from "../../../../src/simulation/farEnds/SharedObjects.ts"
import type { Reach } from "../../../../src/simulation/faults/FaultKind.ts"
import { steady } from "../../../../src/simulation/scenarios/Scenario.ts"
import { effectsOn } from "../../fixtures/Effects.ts"
import { type Case, fromMs, toMs } from "../../fixtures/Witness.ts"

const recording = { service: { ...steady.service, changes: {} }, sets: false, incidentEveryMs: 3_600_000 }

/** When the service has last heard of ConfigMaps, at the end of the fault and at the end of the run. */
interface Heard {
  atEndOfFault: number
  cluster: Reach["farEnds"]["cluster"]
}

/** The watches of ConfigMaps, of which bookmarks alone arrive. */
const ofConfigMaps = (claim: string, shows: (heard: Heard) => void): Case => {
  let heard: Heard | undefined
  return {
    parameters: { kinds: ["ConfigMap"] } as never,
    scenario: recording,
    claim,
    onMade: ({ farEnds: { cluster }, world }) =>
      world.at(toMs - 1, () => {
        heard = { cluster, atEndOfFault: cluster.watches.lastHeardMs("ConfigMap") ?? -1 }
      }),
    shows: () => shows(heard!)
  }
}

const unseen = ({ cluster }: Heard) =>
  cluster.watches.unseenIntervals.filter(({ kind }) => kind === "ConfigMap").slice(1)

let states: { readonly quota: ReadonlyArray<string>; readonly settings: number } | undefined

effectsOn(["changes"], {
  "watch-expired": [
    ofConfigMaps("the watch lists again, and what happened in between is unknown", (heard) => {
      assert.strictEqual(unseen(heard).length, 1)
      assert.isAtMost(unseen(heard)[0]!.fromMs, fromMs)
      assert.isAtLeast(unseen(heard)[0]!.toMs, fromMs)
    })
  ],
  "watch-unavailable": [
    ofConfigMaps("nothing is heard, and the watch continues afterwards from where it was", (heard) => {
      assert.isAtMost(heard.atEndOfFault, fromMs)
      assert.isAbove(heard.cluster.watches.lastHeardMs("ConfigMap")!, toMs)
      assert.deepStrictEqual(unseen(heard), [])
    })
  ],
  "watch-dead": [
    ofConfigMaps(
      "nothing is heard although nobody closes the connection, until the service opens another one",
      (heard) => {
        assert.isAtMost(heard.atEndOfFault, fromMs)
        assert.isAbove(heard.cluster.watches.lastHeardMs("ConfigMap")!, toMs)
        assert.deepStrictEqual(unseen(heard), [])
      }
    )
  ],
  "bookmarks-lost": [
    ofConfigMaps("no bookmark arrives, and events that come later are still seen", (heard) => {
      assert.isAtMost(heard.atEndOfFault, fromMs)
      assert.isAbove(heard.cluster.watches.lastHeardMs("ConfigMap")!, toMs)
    })
  ],
  "people-change-objects": [
    {
      parameters: { workload: 2, elseAfterMs: 5_000, races: true },
      scenario: recording,
      claim: "a quota is lowered, then other fields are changed, and the service takes the first change back",
      onMade: ({ farEnds: { cluster }, world }) =>
        world.at(toMs + 1_000, () => {
          states = {
            quota: cluster.objects.of(quota).map(({ by, fields }) => `${by} ${JSON.stringify(fields?.["spec"])}`),
            settings: cluster.objects.of(settings).length
          }
        }),
      shows: (seen) => {
        assert.isAbove(states?.quota.length ?? 0, 4)
        assert.isAtLeast(states?.settings ?? 0, 3)
        const intended = seen
          .seen("Committed")
          .flatMap(({ events }) =>
            events.flatMap(({ event }) => (event._tag === "Intended" ? [event.intent.action.type] : []))
          )
        assert.include(intended, "RestoreObject")
      }
    }
  ]
})
