/** The changes of the objects around a target, with what is judged about each of them. Pure. */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import { isNotAlone } from "../domain/UndoOfTemplate.ts"
import type { DependencyGraph } from "./DependencyGraph.ts"
import { grouped, type Known } from "./KnownStates.ts"
import { replacementOf } from "./Replacement.ts"
import { putsBack } from "./Returned.ts"
import { type SetupFacts, setupOf } from "./Setup.ts"
import type { Candidate } from "./SuspectScore.ts"
import { takenBackBy } from "./TakenBack.ts"

/** What is known of the changes around the target. */
export interface Around {
  readonly graph: DependencyGraph
  readonly changes: ReadonlyArray<ObjectChange>
  readonly presentOf: Known["presentOf"]
}

/** The changes of objects that are in the graph. */
export const candidatesOf = ({ changes, graph, presentOf }: Around, facts: SetupFacts): ReadonlyArray<Candidate> => {
  const isSetup = setupOf(facts)
  return grouped(changes).flatMap((ofOne) =>
    ofOne.flatMap((change): ReadonlyArray<Candidate> => {
      const node = graph.find(change.ref)
      if (node === undefined) return []
      const present = presentOf.get(change)
      const setup = isSetup(change, ofOne)
      const replaced = replacementOf(change, ofOne)
      const takenBack = takenBackBy(change, ofOne)
      return [
        {
          change,
          distance: node.distance,
          relation: node.relation,
          ...(node.onlyByName === undefined ? {} : { onlyByName: node.onlyByName }),
          ...(present === undefined ? {} : { present }),
          ...(setup === undefined ? {} : { setup }),
          ...(replaced === undefined ? {} : { replaced }),
          ...(takenBack === undefined ? {} : { takenBack }),
          putsBack: putsBack(change, ofOne),
          followed: isNotAlone(change, ofOne)
        }
      ]
    })
  )
}
