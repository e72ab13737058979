/**
 * Kubernaut as a library: run the service, implement its ports, read its data. One namespace per module, named after
 * its file; `Kubernaut.layer` and `Storage.layerMemory` are layers, `Kubernaut.Kubernaut` is a service.
 *
 * Start with `Kubernaut.layer`. `examples/embedded` is a complete program. Circuit breakers, retries and supervisors
 * are in `kubernaut/resilience`, the simulator is in `kubernaut/simulation`. Modules that no entry point exports are
 * internal.
 */

// Run it.
export * as AlertmanagerWebhook from "./intake/AlertmanagerWebhook.ts"
export * as ClientNode from "./kubernetes/ClientNode.ts"
export * as FiringAlerts from "./verification/FiringAlerts.ts"
export * as GuardrailSettings from "./decision/GuardrailSettings.ts"
export * as Kubernaut from "./Kubernaut.ts"
export * as Rulebook from "./investigation/rules/Rulebook.ts"
export * as Sandbox from "./kubernetes/Sandbox.ts"
export * as Storage from "./storage/Storage.ts"

// Investigators to put in front of the rules.
export * as AnthropicLanguageModel from "./investigation/models/providers/AnthropicLanguageModel.ts"
export * as HolmesGptInvestigator from "./investigation/models/HolmesGptInvestigator.ts"
export * as LlmInvestigator from "./investigation/models/LlmInvestigator.ts"
export * as OpenAiLanguageModel from "./investigation/models/providers/OpenAiLanguageModel.ts"
export * as Redaction from "./investigation/evidence/Redaction.ts"

// Ports, to implement or to use.
export * as ActionHistory from "./storage/ActionHistory.ts"
export * as Archive from "./storage/Archive.ts"
export * as AuditLog from "./storage/AuditLog.ts"
export * as ChangeJournal from "./changes/ChangeJournal.ts"
export * as ChangeStore from "./storage/ChangeStore.ts"
export * as ClusterBinding from "./storage/ClusterBinding.ts"
export * as ClusterIdentity from "./kubernetes/ClusterIdentity.ts"
export * as Degradation from "./health/Degradation.ts"
export * as Doubts from "./storage/Doubts.ts"
export * as Intake from "./intake/Intake.ts"
export * as InvestigationChain from "./investigation/InvestigationChain.ts"
export * as Investigator from "./investigation/Investigator.ts"
export * as KubernetesClient from "./kubernetes/KubernetesClient.ts"
export * as RemediationActors from "./remediation/RemediationActors.ts"
export * as RemediationEvents from "./remediation/RemediationEvents.ts"
export * as RemediationStore from "./storage/RemediationStore.ts"
export * as Reviews from "./remediation/Reviews.ts"
export * as RollbackRequests from "./remediation/RollbackRequests.ts"
export * as StandingOrders from "./storage/StandingOrders.ts"
export * as StorageError from "./storage/StorageError.ts"

// Data.
export * as Action from "./domain/Action.ts"
export * as Alert from "./domain/Alert.ts"
export * as AuditEvent from "./domain/AuditEvent.ts"
export * as Change from "./domain/Change.ts"
export * as Decision from "./domain/Decision.ts"
export * as DegradationLevel from "./domain/DegradationLevel.ts"
export * as DurationText from "./domain/DurationText.ts"
export * as Execution from "./domain/Execution.ts"
export * as Failure from "./domain/Failure.ts"
export * as FieldPath from "./domain/FieldPath.ts"
export * as Investigation from "./domain/Investigation.ts"
export * as Mode from "./domain/Mode.ts"
export * as ObjectChange from "./domain/ObjectChange.ts"
export * as PlainText from "./domain/PlainText.ts"
export * as PastAction from "./domain/PastAction.ts"
export * as Remediation from "./domain/Remediation.ts"
export * as Review from "./domain/Review.ts"
export * as Rollback from "./domain/Rollback.ts"
export * as StandingOrder from "./domain/StandingOrder.ts"
export * as Suspects from "./domain/Suspects.ts"
export * as Target from "./domain/Target.ts"
export * as Timestamp from "./domain/Timestamp.ts"
export * as Verification from "./domain/Verification.ts"
export * as WorkloadState from "./domain/WorkloadState.ts"
