/**
 * How often in a row the model beside a tier was used instead of it, because it was quiet at the deadline of the
 * decision. Pure.
 *
 * | a call                                           | the run      |
 * | ------------------------------------------------ | ------------ |
 * | was quiet at the deadline, and was overtaken     | grows by one |
 * | had just shown a sign of work, and was overtaken | stays        |
 * | failed by itself: the breaker counts that        | stays        |
 * | returned an answer                               | begins again |
 *
 * To be overtaken says nothing about a tier: one that is slow and one that hangs look alike. But if every call is cut
 * off, nobody ever learns that it hangs. So after five in a row it has its whole time for a few calls, as without
 * hedges. Either it answers, or its breaker counts that it did not.
 */

/** Five failures in a row open a breaker (`docs/requirements.md`). */
export const runLength = 5

/** As many calls at a time, so that a storm finds out within the time of one call. */
export const mostTrials = 5

export interface OvertakenRun {
  readonly inARow: number
  /** The calls that have their whole time now. */
  readonly trials: number
}

export const noRun: OvertakenRun = { inARow: 0, trials: 0 }

/** Whether the answer beside a call is used at the deadline. Otherwise the call is a trial. */
export const mayBeOvertaken = ({ inARow, trials }: OvertakenRun): boolean => inARow < runLength || trials >= mostTrials

export const overtaken = (run: OvertakenRun): OvertakenRun => ({ ...run, inARow: run.inARow + 1 })

export const answered = (run: OvertakenRun): OvertakenRun => ({ ...run, inARow: 0 })

export const trialBegan = (run: OvertakenRun): OvertakenRun => ({ ...run, trials: run.trials + 1 })

export const trialEnded = (run: OvertakenRun): OvertakenRun => ({ ...run, trials: run.trials - 1 })
