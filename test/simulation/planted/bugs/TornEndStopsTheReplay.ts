import type { PlantedBug } from "../PlantedBug.ts"

export const tornEndStopsTheReplay: PlantedBug = {
  name: "a torn end of the spool stops the replay",
  breaks: "After a loss of power, acknowledged alerts stay in the spool for ever.",
  edits: [
    {
      file: "storage/spool/SpoolFile.ts",
      search: `  if (dropped > 0) {
`,
      replace: `  if (dropped > 0) {
    return yield* new SpoolFault({ reason: "failed", detail: \`\${name}: \${dropped} bytes cannot be read\` })
`
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 2,
  run: "tornSpool"
}
