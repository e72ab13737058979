/**
 * What the peers' models answer unless a test says otherwise: a sensible action on the target that the question names.
 */

const targetOf = (question: string): { readonly namespace: string; readonly kind: string; readonly name: string } => {
  const line = question.split("\n").find((text) => text.startsWith("target: "))
  return line === undefined
    ? { namespace: "", kind: "Deployment", name: "unknown" }
    : JSON.parse(line.slice("target: ".length))
}

/**
 * Undo of a rollout for a Deployment, a restart for other workloads, a notice for anything else. `toRevision: null` as
 * strict structured output has it.
 */
export const answerTo = (question: string, confidence = 0.92): Record<string, unknown> => {
  const target = targetOf(question)
  const action =
    target.kind === "Deployment"
      ? { type: "RollbackDeployment", target, toRevision: null }
      : target.kind === "StatefulSet" || target.kind === "DaemonSet"
        ? { type: "RestartWorkload", target }
        : { type: "Notify", target, reason: "A person has to look at this." }
  return {
    rootCause: `The newest revision of ${target.kind} ${target.name} fails at start.`,
    evidence: ["The pods of the newest revision crash; those of the one before ran."],
    action,
    confidence
  }
}
