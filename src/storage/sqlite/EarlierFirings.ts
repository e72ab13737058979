/** When the alert of a remediation fired before, and when others around it did that began before it. */

import type { DatabaseSync } from "node:sqlite"
import type { Firing } from "../../domain/Firing.ts"
import type { RemediationId } from "../../domain/Remediation.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { prepare } from "./Sqlite.ts"

interface OtherFiringRow extends ResourceRef {
  readonly from: Timestamp
  readonly to: Timestamp | null
  readonly alertName: string
  readonly fixedAt: Timestamp | null
}

/** Other firings are looked for among so many of the newest remediations. */
const mostRows = 2000

/** Where it was fixed, nobody had to work on it any more, whenever its resolution came. */
const otherFiringOf = ({ alertName, fixedAt, from, kind, name, namespace, to }: OtherFiringRow): Firing => {
  const end = to === null || (fixedAt !== null && fixedAt < to) ? fixedAt : to
  return {
    from,
    ...(end === null ? {} : { to: end }),
    other: { name: alertName, target: { namespace, kind, name }, fixed: fixedAt !== null }
  }
}

/** Newest first, `limit` of each sort at most. */
export const make = (database: DatabaseSync): ((id: RemediationId, limit: number) => ReadonlyArray<Firing>) => {
  // By the index of the alert's episodes. Its `ended_at` is of an earlier episode until it is resolved itself.
  const own = prepare<Firing, [RemediationId, number]>(
    database,
    `select min(r.starts_at, r.received_at) as "from",
       iif(r.resolved = 1, coalesce(r.ended_at, r.updated_at), coalesce(r.fired_at, r.received_at)) as "to"
     from remediations self join remediations r
       on r.cluster = self.cluster and r.fingerprint = self.fingerprint and r.episode < self.episode
     where self.id = ? order by r.episode desc limit ?`
  )
  // The newest rows are enough, and need no index: the changes of a day at most are considered. What joined a
  // remediation is fixed with it. Nobody works on an alert that only informs.
  const others = prepare<OtherFiringRow, [RemediationId, number]>(
    database,
    `select min(r.starts_at, r.received_at) as "from", iif(r.resolved = 1, coalesce(r.ended_at, r.updated_at), null) as "to",
       r.alert_name as alertName, r.namespace, r.kind, r.name, iif(c.state = 'Remediated', c.updated_at, null) as fixedAt
     from remediations self
     join (select * from remediations order by id desc limit ${mostRows}) r
       on r.cluster = self.cluster and r.namespace in (self.namespace, '') and r.fingerprint <> self.fingerprint
         and min(r.starts_at, r.received_at) < min(self.starts_at, self.received_at) and r.severity in ('critical', 'warning')
     join remediations c on c.id = coalesce(r.joined_to, r.id)
     where self.id = ? order by "from" desc limit ?`
  )
  return (id, limit) => [...own.all(id, limit), ...others.all(id, limit).map(otherFiringOf)]
}
