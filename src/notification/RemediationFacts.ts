/**
 * What a notification says of a remediation: what it is about, what was found, what was done, and why it ended. Pure.
 *
 * Every value may be somebody else's text: of an alert, a model, the cluster. So secrets are removed, control
 * characters are written out, and long text is cut. A sink decides how it shows a value without making markup of it.
 */

import type { DecisionReason } from "../domain/Decision.ts"
import type { Execution } from "../domain/Execution.ts"
import type { Fact } from "../domain/Notification.ts"
import { plain } from "../domain/PlainText.ts"
import type { Remediation } from "../domain/Remediation.ts"
import { displayName } from "../domain/Target.ts"

/** A fact before its value is made harmless. A value that is not there is no fact. */
export type RawFact = readonly [name: string, value: unknown]

/** Makes facts of values. */
export interface Facts {
  readonly facts: (raw: ReadonlyArray<RawFact>) => ReadonlyArray<Fact>
}

/** The longest value. A message of all facts fits into what chats accept. */
const mostCharacters = 400

const cut = (text: string): string => (text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`)

/** `redact` removes secrets from a text. */
export const makeFacts = (redact: (text: string) => string): Facts => ({
  facts: (raw) =>
    raw.flatMap(([name, value]) => {
      const text = typeof value === "string" || typeof value === "number" ? String(value) : ""
      // The text is cut last: a half of a secret is not recognized.
      return text.trim() === "" ? [] : [{ name, value: cut(plain(redact(text.trim()))) }]
    })
})

const executionText = ({ intent, outcome }: Execution): string => {
  const name = intent.action.type
  if (outcome === undefined) return `${name}: not known whether it was carried out`
  const failure = outcome.failure === undefined ? "" : ` (${outcome.failure})`
  switch (outcome.applied) {
    case "yes":
      return `${name}: carried out${failure}`
    case "no":
      return `${name}: not carried out${failure}`
    case "unknown":
      return `${name}: not known whether it was carried out${failure}`
  }
}

const doneText = ({ executions, rollback, verification }: Remediation): string =>
  executions.length === 0
    ? "nothing"
    : [
        ...executions.map(executionText),
        ...(verification === undefined ? [] : [`verified: ${verification.verdict}`]),
        ...(rollback === undefined ? [] : [`rollback: ${rollback.outcome ?? "under way"}`])
      ].join("; ")

const foundBy = ({ confidence, investigator, provider }: NonNullable<Remediation["investigation"]>): string =>
  `${investigator}${provider === undefined ? "" : ` ${provider}`}, confidence ${confidence.toFixed(2)}`

/** The changed object, without its values: they may be secrets. */
const suspectText = ({ suspects }: Remediation): string | undefined => {
  const [first] = suspects?.ranked ?? []
  return suspects?.finding === "one" && first !== undefined
    ? `${displayName(first.change.ref)}, ${first.change.operation} at ${first.change.at}`
    : undefined
}

const about = ({ alert, target }: Remediation): ReadonlyArray<RawFact> => [
  ["Alert", `${alert.name}, ${alert.severity}`],
  ["Target", displayName(target)]
]

const found = (self: Remediation): ReadonlyArray<RawFact> => [
  ["Found", self.investigation?.rootCause],
  ["Found by", self.investigation === undefined ? undefined : foundBy(self.investigation)],
  ["Suspect", suspectText(self)]
]

/** What became of a remediation. */
export const remediationFacts = (self: Remediation, { facts }: Facts): ReadonlyArray<Fact> =>
  facts([...about(self), ["Why", self.conclusion], ...found(self), ["Done", doneText(self)]])

const reasonText = ({ message, rule }: DecisionReason): string => `${rule}: ${message}`

/** The question that a person is to answer, with the figures by which to answer it. */
export const reviewFacts = (self: Remediation, { facts }: Facts): ReadonlyArray<Fact> => {
  const { decision } = self
  return facts([
    ...about(self),
    ["Action", decision === undefined ? undefined : `${decision.action.type}, risk ${decision.risk}`],
    [
      "Figures",
      Object.entries(decision?.figures ?? {})
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")
    ],
    ["Because", decision?.reasons.map(reasonText).join("; ")],
    ...found(self),
    ["Answer by", self.answerBy]
  ])
}
