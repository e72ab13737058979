import type { PlantedBug } from "../PlantedBug.ts"

export const budgetsIgnored: PlantedBug = {
  name: "disruption budgets are not looked at before a rollout",
  breaks: "A restart or a rollback replaces ready pods although a disruption budget allows none of them to go.",
  edits: [
    {
      file: "execution/actions/Disruption.ts",
      search: `  const asks = [...budgetAsks(workload.spec.template.metadata?.labels, objects, name)]`,
      replace: `  const asks: Array<Ask> = []`
    }
  ],
  foundBy: "budgets-respected",
  withinSeeds: 3,
  run: "budgets"
}
