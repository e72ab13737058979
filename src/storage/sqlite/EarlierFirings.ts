/** When the alert of a remediation fired before, and when others around it did that began before it. */

import type { DatabaseSync } from "node:sqlite"
import type { EarlierFirings, Firing } from "../../domain/Firing.ts"
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

/**
 * The time before which a firing says nothing: causes are looked for in the day before a symptom, and an alert counts
 * for an hour. The text sorts as the others do.
 */
const since = `strftime('%Y-%m-%dT%H:%M:%fZ', min(self.starts_at, self.received_at), '-26 hours')`

/** Where it was fixed, nobody had to work on it any more, whenever its resolution came. */
const otherFiringOf = ({ alertName, fixedAt, from, kind, name, namespace, to }: OtherFiringRow): Firing => {
  const end = to === null || (fixedAt !== null && fixedAt < to) ? fixedAt : to
  return {
    from,
    ...(end === null ? {} : { to: end }),
    other: { name: alertName, target: { namespace, kind, name }, fixed: fixedAt !== null }
  }
}

/**
 * Newest first. There is no limit by sort: in a storm, the one alert that matters is older than the many that do not,
 * and only the graph of the target tells them apart.
 */
export const make = (database: DatabaseSync): ((id: RemediationId, limit: number) => EarlierFirings) => {
  // By the index of the alert's episodes. Its `ended_at` is of an earlier episode until it is resolved itself.
  const own = prepare<Firing, [RemediationId]>(
    database,
    `select min(r.starts_at, r.received_at) as "from",
       iif(r.resolved = 1, coalesce(r.ended_at, r.updated_at), coalesce(r.fired_at, r.received_at)) as "to"
     from remediations self join remediations r
       on r.cluster = self.cluster and r.fingerprint = self.fingerprint and r.episode < self.episode
     where self.id = ? and "to" >= ${since} order by r.episode desc`
  )
  // The newest rows are enough. They are read by id: the `+` keeps the planner from the index of a cluster's alerts,
  // which has all of them. What joined a remediation is fixed with it. Nobody works on an alert that only informs.
  const others = prepare<OtherFiringRow, [number, RemediationId]>(
    database,
    `select min(r.starts_at, r.received_at) as "from", iif(r.resolved = 1, coalesce(r.ended_at, r.updated_at), null) as "to",
       r.alert_name as alertName, r.namespace, r.kind, r.name, iif(c.state = 'Remediated', c.updated_at, null) as fixedAt
     from remediations self
     join remediations r
       on r.id > coalesce((select id from remediations order by id desc limit 1 offset ?), '')
         and +r.cluster = self.cluster and r.namespace in (self.namespace, '') and r.fingerprint <> self.fingerprint
         and min(r.starts_at, r.received_at) < min(self.starts_at, self.received_at) and r.severity in ('critical', 'warning')
     join remediations c on c.id = coalesce(r.joined_to, r.id)
     where self.id = ? and "from" >= ${since} order by "from" desc`
  )
  const cut = prepare<{ readonly at: Timestamp }, [RemediationId, number]>(
    database,
    `select r.received_at as at from remediations self
     join (select received_at from remediations order by id desc limit 1 offset ?2) r
     where self.id = ?1 and r.received_at >= ${since}`
  )
  return (id, limit) => {
    const cutAt = cut.get(id, limit)?.at
    return {
      firings: [...own.all(id), ...others.all(limit, id).map(otherFiringOf)],
      ...(cutAt === undefined ? {} : { cutAt })
    }
  }
}
