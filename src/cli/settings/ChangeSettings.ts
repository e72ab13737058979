/** The settings of the change journal. */

import { Duration, Schema } from "effect"
import { DurationText } from "../../domain/DurationText.ts"
import { problemOf as customKindProblem } from "../../kubernetes/CustomKinds.ts"
import { setting } from "./Setting.ts"

/** A time to keep something. */
const Retention = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) > 0 && Duration.toMillis(duration) <= Duration.toMillis(Duration.days(365))
      ? undefined
      : "Expected more than zero and at most 365 days"
  )
)

const CustomKind = Schema.NonEmptyString.check(Schema.makeFilter((text) => customKindProblem(text)))

export const changes = {
  changes: setting(Schema.Literals(["on", "off"]), {
    form: "text",
    fallback: "on",
    description:
      "Whether changes of the cluster are recorded: which field, when, and who. A cluster needs the ClusterRole kubernaut-changes for it. off: nobody knows what changed before an alert.",
    expected: "on or off"
  }),
  changesKinds: setting(Schema.Array(CustomKind), {
    form: "words",
    fallback: [],
    description:
      "Kinds of custom resources whose changes are recorded besides the built-in ones, as group/version/Kind. Kubernaut needs the rights to list and watch them.",
    expected: "kinds such as security.istio.io/v1/AuthorizationPolicy, separated by commas"
  }),
  changesRetention: setting(Retention, {
    form: "text",
    fallback: "7 days",
    description:
      "How long a recorded change is kept. Of one object at most 100 are kept, and 50,000 in all. With less than 7 days, more undos wait for a person.",
    expected: "a duration of at most 365 days, such as 7 days"
  })
} as const
