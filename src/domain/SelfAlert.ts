/**
 * Alerts about Kubernaut itself: those of `otel/prometheus`, and those that the service posts. They reach it again
 * through Alertmanager. It records them and never works on them: a service that acted on its own alerts could keep
 * itself busy with its own trouble, and its fix would be a change that it judges itself. A person gets them by the
 * other receivers of Alertmanager.
 */

/** The label of every alert about Kubernaut itself. Its value is `true`. */
export const selfLabel = "kubernaut_self"

/**
 * Whether an alert is about Kubernaut itself.
 *
 * ```ts
 * import { isSelfAlert } from "./SelfAlert.ts"
 *
 * isSelfAlert({ alertname: "KubernautStorageDown", kubernaut_self: "true" }) // => true
 * ```
 */
export const isSelfAlert = (labels: Readonly<Record<string, string>>): boolean => labels[selfLabel] === "true"
