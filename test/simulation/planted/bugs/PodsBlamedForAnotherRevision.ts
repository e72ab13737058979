import type { PlantedBug } from "../PlantedBug.ts"

export const podsBlamedForAnotherRevision: PlantedBug = {
  name: "pods blamed for another revision",
  breaks: "Crashing pods of the revision before count as failures of a fix that has only begun to start.",
  edits: [
    {
      file: "domain/RevisionHealth.ts",
      search: `  return pods.filter((pod) => pod.current === true)`,
      replace: `  return pods`
    },
    {
      file: "domain/RevisionHealth.ts",
      search: `isUnfit(pod, observedAt) && typeof pod.revision === "number"`,
      replace: `isUnfit(pod, observedAt) && pod.current === true && typeof pod.revision === "number"`
    },
    {
      file: "investigation/rules/RuleFacts.ts",
      search: `container.revision !== null && !hasRecovered(container, observed)`,
      replace: `container.revision !== null && container.current === true`
    },
    {
      file: "investigation/rules/ProposedAction.ts",
      search: `replicas === 0 && !failing.has(revision)`,
      replace: `replicas >= 0 && !failing.has(revision)`
    }
  ],
  foundBy: "revisions-judged-by-their-own-pods",
  withinSeeds: 5,
  run: "fixUnderWay"
}
