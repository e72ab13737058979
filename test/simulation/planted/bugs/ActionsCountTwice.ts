import type { PlantedBug } from "../PlantedBug.ts"

export const actionsCountTwice: PlantedBug = {
  name: "actions count twice",
  breaks: "An action that has ended still counts as pending, so that the figures have more actions than there were.",
  edits: [
    {
      file: "storage/sqlite/FiguresMigration.ts",
      search: `begin \${add("'action:' || old.action", outcomeOf("old."), "-1")} `,
      replace: `begin `
    }
  ],
  foundBy: "figures-true",
  withinSeeds: 1,
  run: "calm"
}
