import type { PlantedBug } from "../PlantedBug.ts"

export const protectedNamespaceDropped: PlantedBug = {
  name: "protected namespaces are not protected",
  breaks: "Actions are carried out in namespaces that the operator has closed.",
  edits: [
    {
      file: "decision/Guardrails.ts",
      search: `const writing: ReadonlyArray<Guardrail> = [
  protectedNamespace,`,
      replace: `const writing: ReadonlyArray<Guardrail> = [`
    }
  ],
  foundBy: "guardrails-hold",
  withinSeeds: 3,
  run: "few"
}
