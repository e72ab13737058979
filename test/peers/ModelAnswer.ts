/**
 * The default answer of the peers' models: a sensible action on the target in the question.
 */

const targetOf = (question: string): { readonly namespace: string; readonly kind: string; readonly name: string } => {
  const line = question.split("\n").find((text) => text.startsWith("target: "))
  return line === undefined
    ? { namespace: "", kind: "Deployment", name: "unknown" }
    : JSON.parse(line.slice("target: ".length))
}

/**
 * A rollback for a Deployment, a restart for other workloads, and a notification for anything else. `toRevision` is
 * `null`, as in strict structured output.
 */
export const answerTo = (question: string, confidence = 0.92): Record<string, unknown> => {
  const target = targetOf(question)
  const action =
    target.kind === "Deployment"
      ? { type: "RollbackDeployment", target, toRevision: null }
      : target.kind === "StatefulSet" || target.kind === "DaemonSet"
        ? { type: "RestartWorkload", target }
        : { type: "Notify", target, reason: "A person must investigate this." }
  return {
    rootCause: `The newest revision of ${target.kind} ${target.name} fails at start.`,
    evidence: ["The pods of the newest revision crash; those of the previous one ran."],
    action,
    confidence
  }
}
