/** The effects of faults of the cluster. */

import { clusterCases } from "../../fixtures/ClusterEffects.ts"
import { effectsOn } from "../../fixtures/Effects.ts"

effectsOn(["cluster"], clusterCases)
