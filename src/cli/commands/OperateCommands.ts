/** Commands for a running service: status, alerts, remediations, reviews and the audit log. */

import { Effect, FileSystem, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { levelName } from "../../domain/DegradationLevel.ts"
import { hedgeText } from "../../domain/Investigation.ts"
import { isFinal, RemediationId, RemediationState } from "../../domain/Remediation.ts"
import { describe } from "../../domain/StandingOrder.ts"
import { displayName } from "../../domain/Target.ts"
import type { Finding } from "../../health/HealthSupervisor.ts"
import type { AuditPage, Component, RemediationDetail } from "../../http/Responses.ts"
import { Webhook } from "../../intake/AlertmanagerWebhook.ts"
import { normalized } from "../../intake/SenderDialect.ts"
import { connection, type Connection, request } from "../Client.ts"
import { CommandFailed } from "../ExitCode.ts"
import { print, say, table } from "../Output.ts"
import { suspectsText, undoneText } from "./ChangesText.ts"
import { rollbackText } from "./RollbackCommand.ts"
import { callsText } from "./SpendText.ts"

const id = Argument.String("id").pipe(Argument.withDescription("Remediation id"), Argument.withSchema(RemediationId))

const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Show the action under review without submitting the review"),
  Flag.withDefault(false)
)

// ----------------------------------------------------------------------------
// status
// ----------------------------------------------------------------------------

const componentRow = ({ breaker, message, name, status }: Component): ReadonlyArray<string> => [
  `  ${name}`,
  status,
  breaker === undefined
    ? ""
    : `breaker ${breaker.state}${breaker.retryAfterMs === undefined ? "" : ` for ${Math.ceil(breaker.retryAfterMs / 1000)} s`}`,
  message ?? breaker?.reason ?? ""
]

const findingRow = ({ layer, message, name, status }: Finding): ReadonlyArray<string> => [
  `  ${name}`,
  layer,
  status,
  message ?? ""
]

export const status = Command.make(
  "status",
  connection,
  Effect.fnUntraced(function* (at) {
    const status = yield* request(at, (client) => client.status.status())
    yield* print(status, () => [
      ...(status.emergencyStop === undefined
        ? []
        : [`EMERGENCY STOP: ${describe("emergency-stop", status.emergencyStop)}`]),
      `Level ${status.level} (${levelName(status.level)})${status.reasons.length === 0 ? "" : `: ${status.reasons.join("; ")}`}`,
      `Cluster ${status.cluster}, mode ${status.mode}, version ${status.version}`,
      `Investigators: ${status.capabilities.investigators.join(", ") || "none"}. Context: ${status.capabilities.context}. Actions: ${status.capabilities.actions}.`,
      "Components:",
      ...table(status.components.map(componentRow)),
      "Health checks:",
      ...table(status.health.map(findingRow))
    ])
  })
).pipe(Command.withDescription("Show the degradation level, the remaining capabilities and every component"))

// ----------------------------------------------------------------------------
// remediations
// ----------------------------------------------------------------------------

const hopText = (hop: RemediationDetail["hops"][number]): string =>
  `  ${hop.investigator}${hop.provider === undefined ? "" : ` (${hop.provider})`}: ${hop.outcome}${hop.reason === undefined ? "" : `, ${hop.reason}`}${hop.detail === undefined ? "" : ` (${hop.detail})`}${hop.hedge === undefined ? "" : `, ${hedgeText(hop.hedge)}`}, ${hop.attempts} attempt${hop.attempts === 1 ? "" : "s"}, ${Math.round(hop.durationMs)} ms`

const detailText = (found: RemediationDetail): ReadonlyArray<string> => [
  `${found.id}  ${found.state}${found.joinedTo === undefined ? "" : ` to ${found.joinedTo}`}${found.handedOverTo === undefined ? "" : `, handed over to ${found.handedOverTo}`}`,
  `Alert:  ${found.alert.name} (${found.alert.severity}), since ${found.alert.startsAt}`,
  `Target: ${found.target.cluster}: ${displayName(found.target)}`,
  ...(found.level === undefined ? [] : [`Level:  ${found.level} (${levelName(found.level)})`]),
  ...(found.hops.length === 0 ? [] : ["Hops:", ...found.hops.map(hopText)]),
  ...callsText(found.calls),
  ...(found.investigation === undefined
    ? []
    : [
        `Cause:  ${found.investigation.rootCause} (confidence ${found.investigation.confidence})`,
        ...found.investigation.evidence.map((line) => `  - ${line}`)
      ]),
  ...suspectsText(found),
  ...(found.decision === undefined
    ? []
    : [
        `Decision: ${found.decision.outcome} ${found.decision.action.type} on ${displayName(found.decision.action.target)}, risk ${found.decision.risk}`,
        ...found.decision.reasons.map(({ message, rule }) => `  - ${rule}: ${message}`)
      ]),
  ...(found.review === undefined
    ? []
    : [
        `Review: ${found.review.answer} by ${found.review.by} at ${found.review.at}${found.review.reason === undefined ? "" : `: ${found.review.reason}`}`,
        ...(found.review.expiresAt === undefined ? [] : [`  the approval expires at ${found.review.expiresAt}`])
      ]),
  ...(found.timedOut === undefined
    ? []
    : [`Review: timed out at ${found.timedOut.answerBy}, because nobody answered question ${found.timedOut.question}`]),
  ...(found.state === "AwaitingReview" && found.answerBy !== undefined
    ? [`Review: waits for an answer, and times out at ${found.answerBy}`]
    : []),
  ...found.executions.map(
    ({ intent, outcome }) =>
      `Execution: ${intent.action.type}, ${outcome === undefined ? "in progress" : `applied: ${outcome.applied}${outcome.failure === undefined ? "" : ` (${outcome.failure})`}`}`
  ),
  ...(found.verification === undefined
    ? []
    : [`Verification: ${found.verification.verdict}`, ...found.verification.reasons.map((reason) => `  - ${reason}`)]),
  ...undoneText(found),
  ...rollbackText(found),
  ...(found.conclusion === undefined ? [] : [`End:    ${found.conclusion}`]),
  ...(found.traceId === undefined ? [] : [`Trace:  ${found.traceId}`])
]

const list = Command.make(
  "list",
  {
    ...connection,
    state: Flag.Literals("state", RemediationState.literals).pipe(
      Flag.withDescription("Show only remediations in this state"),
      Flag.optional
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("Maximum number of remediations, 1 to 500"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 }))),
      Flag.withDefault(50)
    ),
    cursor: Flag.String("cursor").pipe(Flag.withDescription("The nextCursor of the previous page"), Flag.optional)
  },
  Effect.fnUntraced(function* ({ cursor, limit, state, ...at }) {
    const page = yield* request(at, (client) =>
      client.remediations.list({
        query: {
          limit,
          ...(state._tag === "Some" ? { state: state.value } : {}),
          ...(cursor._tag === "Some" ? { cursor: cursor.value } : {})
        }
      })
    )
    yield* print(page, () =>
      page.remediations.length === 0
        ? ["No remediations found."]
        : [
            ...table([
              ["ID", "STATE", "SEVERITY", "ALERT", "TARGET", "RECEIVED"],
              ...page.remediations.map((found) => [
                found.id,
                found.state,
                found.severity,
                found.alertName,
                displayName(found.target),
                found.receivedAt
              ])
            ]),
            ...(page.nextCursor === undefined ? [] : [`Next page: --cursor ${page.nextCursor}`])
          ]
    )
  })
).pipe(Command.withDescription("List remediations, newest first"))

const show = Command.make(
  "show",
  { ...connection, id },
  Effect.fnUntraced(function* ({ id, ...at }) {
    const found = yield* request(at, (client) => client.remediations.get({ params: { id } }))
    yield* print(found, () => detailText(found))
  })
).pipe(Command.withDescription("Show a remediation: hops, decision, execution, verification and trace"))

export const remediations = Command.make("remediations").pipe(
  Command.withDescription("List and show remediations"),
  Command.withSubcommands([list, show])
)

// ----------------------------------------------------------------------------
// alert
// ----------------------------------------------------------------------------

const waitForEnd = Effect.fnUntraced(function* (at: Connection, id: RemediationId) {
  while (true) {
    const found = yield* request(at, (client) => client.remediations.get({ params: { id } }))
    if (isFinal(found.state) || found.state === "AwaitingReview") return found
    yield* Effect.sleep("250 millis")
  }
})

const post = Command.make(
  "post",
  {
    ...connection,
    file: Argument.Path("file", { pathType: "file" }).pipe(
      Argument.withDescription("File with an Alertmanager webhook payload (JSON); see examples/alerts")
    ),
    wait: Flag.Boolean("wait").pipe(
      Flag.withDescription("Wait until each remediation has ended or awaits review"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ file, wait, ...at }) {
    const fileSystem = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(
      fileSystem.readFileString(file),
      () => new CommandFailed({ code: "bad", text: `Cannot read ${file}.` })
    )
    const payload = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))(text).pipe(
      Effect.flatMap((body) => Schema.decodeUnknownEffect(Webhook)(normalized(body))),
      Effect.mapError(
        (error) =>
          new CommandFailed({ code: "bad", text: `${file} is not an Alertmanager webhook payload: ${error.message}` })
      )
    )
    const { results } = yield* request(at, (client) => client.alerts.receive({ payload }))
    if (!wait)
      return yield* print({ results }, () =>
        table(results.map((result) => [result.fingerprint, result.status, result.remediationId ?? ""]))
      )
    const ids = [
      ...new Set(
        results.flatMap(({ remediationId }) => (remediationId === undefined ? [] : [RemediationId.make(remediationId)]))
      )
    ]
    yield* say(`Waiting for ${ids.length} remediation${ids.length === 1 ? "" : "s"} …`)
    const ended = yield* Effect.forEach(ids, (id) => waitForEnd(at, id), { concurrency: 8 })
    yield* print({ results, remediations: ended }, () => ended.flatMap((found) => [...detailText(found), ""]))
  })
).pipe(Command.withDescription("Post an Alertmanager payload from a file"))

const showAlert = Command.make(
  "show",
  { ...connection, id },
  Effect.fnUntraced(function* ({ id, ...at }) {
    const { alert } = yield* request(at, (client) => client.remediations.get({ params: { id } }))
    yield* print(alert, () => [
      `${alert.name} (${alert.severity}), since ${alert.startsAt}, fingerprint ${alert.fingerprint}`,
      ...Object.entries(alert.labels).map(([key, value]) => `  ${key}=${value}`),
      ...Object.entries(alert.annotations).map(([key, value]) => `  ${key}: ${value}`)
    ])
  })
).pipe(Command.withDescription("Show the alert of a remediation"))

export const alert = Command.make("alert").pipe(
  Command.withDescription("Post and show alerts"),
  Command.withSubcommands([post, showAlert]),
  Command.withExamples([
    {
      command: "kubernaut alert post examples/alerts/crash-loop.json --wait",
      description: "Post an alert and wait for its remediation"
    }
  ])
)

// ----------------------------------------------------------------------------
// reviews
// ----------------------------------------------------------------------------

export const reviews = Command.make(
  "reviews",
  connection,
  Effect.fnUntraced(function* (at) {
    const found = yield* request(at, (client) => client.reviews.pending({ query: {} }))
    yield* print(found, () =>
      found.reviews.length === 0
        ? ["No actions await review."]
        : found.reviews.flatMap((review) => [
            `${review.id}  ${review.action.type} on ${displayName(review.action.target)}, risk ${review.risk}, confidence ${review.confidence}, since ${review.since}`,
            `  ${review.alertName} (${review.severity})`,
            ...Object.entries(review.figures ?? {}).map(([name, value]) => `  ${name}: ${value}`),
            ...review.reasons.map(({ message, rule }) => `  - ${rule}: ${message}`),
            ...(review.expiresAt === undefined ? [] : [`  times out at ${review.expiresAt}`]),
            ...(review.question === undefined || review.question === 1 ? [] : [`  question ${review.question}`])
          ])
    )
  })
).pipe(Command.withDescription("List actions that await review"))

const answer = (word: "approve" | "reject", description: string) =>
  Command.make(
    word,
    {
      ...connection,
      id,
      reason: Flag.String("reason").pipe(Flag.withDescription("Reason, recorded in the audit log"), Flag.optional),
      question: Flag.Int("question").pipe(
        Flag.withDescription(
          "Number of the question that you answer, as reviews shows it; an approval of another one is refused. Default: 1"
        ),
        Flag.optional
      ),
      dryRun
    },
    Effect.fnUntraced(function* ({ dryRun, id, question, reason, ...at }) {
      if (dryRun) {
        const { decision, state, target } = yield* request(at, (client) => client.remediations.get({ params: { id } }))
        if (state !== "AwaitingReview" || decision === undefined) {
          return yield* new CommandFailed({
            code: "bad",
            text: `Remediation ${id} is ${state} and does not await review.`
          })
        }
        return yield* print({ id, answer: word, dryRun: true, action: decision.action }, () => [
          `Would ${word} ${decision.action.type} on ${displayName(decision.action.target)} (cluster ${target.cluster}, risk ${decision.risk}).`
        ])
      }
      const answered = yield* request(at, (client) =>
        client.remediations[word]({
          params: { id },
          payload: {
            ...(reason._tag === "Some" ? { reason: reason.value } : {}),
            ...(question._tag === "Some" ? { question: question.value } : {})
          }
        })
      )
      yield* print(answered, () => [`${answered.id} is ${answered.state}.`])
    })
  ).pipe(Command.withDescription(description))

export const approve = answer("approve", "Approve an action that awaits review")
export const reject = answer("reject", "Reject an action that awaits review")

// ----------------------------------------------------------------------------
// audit
// ----------------------------------------------------------------------------

const readAudit = Command.make(
  "read",
  {
    ...connection,
    after: Flag.Int("after").pipe(Flag.withDescription("Read events after this sequence number"), Flag.withDefault(0)),
    limit: Flag.Int("limit").pipe(Flag.withDescription("Maximum number of events"), Flag.withDefault(200))
  },
  Effect.fnUntraced(function* ({ after, limit, ...at }) {
    const events: Array<(typeof AuditPage.Type)["events"][number]> = []
    let next = after
    while (events.length < limit) {
      const page = yield* request(at, (client) =>
        client.audit.read({ query: { after: next, limit: Math.min(1000, limit - events.length) } })
      )
      if (page.events.length === 0) break
      events.push(...page.events)
      next = page.next
    }
    yield* print({ events, next }, () =>
      table(events.map((event) => [String(event.sequence), event.at, event.actor, event.kind, event.subject]))
    )
  })
).pipe(Command.withDescription("Read the audit log in order"))

const verifyAudit = Command.make(
  "verify",
  connection,
  Effect.fnUntraced(function* (at) {
    const verified = yield* request(at, (client) => client.audit.verify())
    yield* print(verified, () => [
      verified.intact ? "The audit log is intact." : `The audit log is broken at line ${verified.brokenAt}.`
    ])
    if (!verified.intact)
      return yield* new CommandFailed({ code: "bad", text: "The audit log was modified or is damaged." })
  })
).pipe(Command.withDescription("Verify the hash chain of the audit log. Exits with 1 if it is broken"))

export const audit = Command.make("audit").pipe(
  Command.withDescription("Read and verify the audit log"),
  Command.withSubcommands([readAudit, verifyAudit])
)
