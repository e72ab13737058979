import { Effect } from "effect"
import { standard } from "../../../src/investigation/rules/Rulebook.ts"
import { make } from "../../../src/investigation/rules/RuleInvestigator.ts"
import { contract } from "../Investigator.contract.ts"

contract(
  "the default rulebook",
  Effect.map(Effect.orDie(standard), ({ rules }) => make({ rules }))
)
