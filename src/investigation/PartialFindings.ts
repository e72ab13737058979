/**
 * What an investigator had found when it failed: passed to the tiers after it as evidence, so that the work of minutes
 * is not lost.
 *
 * It is text from outside, unverified and incomplete. So it is redacted and bounded where it is collected, a prompt
 * shows it as data beside the evidence and says that it is partial, and no rule reads it.
 */

import { redact } from "./evidence/Redaction.ts"

/** One observation: the result of a tool, or what the investigator's own model said in between. */
export interface Finding {
  readonly source: "tool" | "model"
  /** What was looked at, in a few words: the tool call. Empty for a model. */
  readonly about: string
  readonly text: string
}

/** The findings of one investigator, oldest first. */
export interface PartialFindings {
  /** See `Investigator.serviceName`. */
  readonly investigator: string
  readonly findings: ReadonlyArray<Finding>
}

/** The newest findings are kept: they are the nearest to a cause. */
export const limits = { findings: 20, aboutCharacters: 120, textCharacters: 500 } as const

/** Much longer than what is kept, so that a secret that begins within it is still recognized. */
const readCharacters = 16 * limits.textCharacters

/** No token that a rule recognizes only as a whole is longer. */
const longestToken = 512

/** The beginning of a text. It ends before the word that would be cut, since half a secret is not recognized. */
const beginning = (text: string): string => {
  if (text.length <= readCharacters) return text
  const whole = readCharacters - longestToken
  return text.slice(0, whole) + text.slice(whole, readCharacters).replace(/\S+$/, "")
}

const clean = (text: string, characters: number): string => {
  const redacted = redact(beginning(text)).trim()
  return redacted.length <= characters ? redacted : `${redacted.slice(0, characters - 1)}…`
}

/** Collects the findings of one hop. */
export class FindingCollector {
  private readonly investigator: string
  private findings: ReadonlyArray<Finding> = []

  constructor(investigator: string) {
    this.investigator = investigator
  }

  /** Keeps a finding, redacted and shortened. One without text, or that is known, is dropped. */
  readonly add = ({ about, source, text }: Finding): void => {
    const finding: Finding = {
      source,
      about: clean(about, limits.aboutCharacters),
      text: clean(text, limits.textCharacters)
    }
    const isKnown = this.findings.some((each) => each.about === finding.about && each.text === finding.text)
    if (finding.text !== "" && !isKnown) this.findings = [...this.findings, finding].slice(-limits.findings)
  }

  /** What was found so far; `undefined` if nothing was. */
  get found(): PartialFindings | undefined {
    return this.findings.length === 0 ? undefined : { investigator: this.investigator, findings: this.findings }
  }
}
