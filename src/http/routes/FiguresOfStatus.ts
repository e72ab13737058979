/** The business figures in the status. */

import { Effect } from "effect"
import { accuracyOf, actionSuccessOf, type BusinessFigures, type Figures } from "../../storage/Figures.ts"

const shown = (figures: BusinessFigures) => {
  const investigationAccuracy = accuracyOf(figures)
  const actionSuccess = actionSuccessOf(figures)
  return {
    ...figures,
    ...(investigationAccuracy === undefined ? {} : { investigationAccuracy }),
    ...(actionSuccess === undefined ? {} : { actionSuccess })
  }
}

/** The figures, or why there are none. The status is shown when the database fails, above all then. */
export const figuresIn = ({ current }: Figures["Service"]) =>
  Effect.match(current, {
    onFailure: () => ({ missing: ["the business figures could not be read"] }),
    onSuccess: (figures) => ({ missing: [], figures: shown(figures) })
  })
