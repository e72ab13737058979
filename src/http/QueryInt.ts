/** A whole number in a query. */

import { Schema, SchemaTransformation } from "effect"

/** A parameter from `minimum` to `maximum`. */
export const queryInt = (minimum: number, maximum: number) => {
  const message = `Expected a whole number from ${minimum} to ${maximum}`
  return Schema.String.check(Schema.isPattern(/^\d{1,16}$/, { message })).pipe(
    Schema.decodeTo(
      Schema.Int.check(Schema.isBetween({ minimum, maximum }, { message })),
      SchemaTransformation.numberFromString
    )
  )
}
