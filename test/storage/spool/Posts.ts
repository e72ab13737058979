/** Posts for the tests of the spool. */

import type { SpooledPost } from "../../../src/storage/spool/SpooledPost.ts"
import { alert, deployment, minute } from "../Incident.ts"

/** A post of one firing alert, received so many minutes after the incident began. */
export const firing = (fingerprint: string, at = 0, text = ""): SpooledPost => ({
  at: minute(at),
  source: "am",
  firing: [
    { alert: alert(fingerprint, { annotations: { text } }), target: deployment(fingerprint), provisional: false }
  ],
  resolved: []
})

/** A post that says that an alert has ended. */
export const ended = (fingerprint: string, at: number): SpooledPost => ({
  at: minute(at),
  source: "am",
  firing: [],
  resolved: [{ cluster: "test", fingerprint, startsAt: minute(0), endsAt: minute(at) }]
})

/** The fingerprints of a post. */
export const named = ({ firing, resolved }: SpooledPost): string =>
  [...firing.map(({ alert }) => alert.fingerprint), ...resolved.map((end) => `${end.fingerprint} ended`)].join(", ")
