/** The migration that counts what the database holds, and what it has archived. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** How an action stands, for a row with this prefix. */
const outcomeOf = (row: string): string =>
  `case when ${row}executed_at is null and ${row}applied = 'unknown' then 'pending' else ${row}applied end`

const add = (subject: string, outcome: string, count: string): string =>
  `insert into figures (subject, outcome, count) values (${subject}, ${outcome}, ${count})
     on conflict (subject, outcome) do update set count = figures.count + excluded.count;`

const remediations = [
  `create trigger figures_remediation after insert on remediations
     begin ${add("'remediation'", "new.state", "1")} end`,
  `create trigger figures_remediation_state after update of state on remediations when old.state <> new.state
     begin ${add("'remediation'", "old.state", "-1")} ${add("'remediation'", "new.state", "1")} end`
]

const actions = [
  `create trigger figures_action after insert on action_history when new.writing = 1
     begin ${add("'action:' || new.action", outcomeOf("new."), "1")} end`,
  `create trigger figures_action_outcome after update of applied, executed_at on action_history
     when new.writing = 1 and ${outcomeOf("old.")} <> ${outcomeOf("new.")}
     begin ${add("'action:' || old.action", outcomeOf("old."), "-1")} ${add("'action:' || new.action", outcomeOf("new."), "1")} end`,
  `create trigger figures_verdict after update of verdict on action_history
     when new.writing = 1 and new.verdict is not null and new.verdict is not old.verdict
     begin
       update figures set count = count - 1 where subject = 'verdict' and outcome = old.verdict;
       ${add("'verdict'", "new.verdict", "1")}
     end`
]

const before = [
  `insert into figures select 'remediation', state, count(*) from (
     select state from remediations
     union all
     select coalesce(nullif(a.state, ''), 'unrecorded') from archived_remediations a
       where not exists (select 1 from remediations r where r.id = a.id)
         and a.archive = (select max(archive) from archived_remediations where id = a.id)
   ) group by state`,
  `insert into figures select 'action:' || action, ${outcomeOf("")}, count(*) from action_history
     where writing = 1 group by 1, 2`,
  `insert into figures select 'verdict', verdict, count(*) from action_history
     where writing = 1 and verdict is not null group by verdict`
]

/**
 * Counts of what the database has ever held. Triggers keep them, because every write has to be counted, whatever makes
 * it. What is deleted has moved to the archive, and stays counted.
 *
 * | subject       | outcome                                                     |
 * | ------------- | ----------------------------------------------------------- |
 * | `remediation` | the state; `unrecorded`: archived before states were kept   |
 * | `action:TYPE` | whether it was applied; `pending`: that is not recorded yet |
 * | `verdict`     | the verdict on an action                                    |
 *
 * Actions that an earlier version has archived are in the files only, and not counted.
 */
export const figures = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      "create table figures (subject text not null, outcome text not null, count integer not null, primary key (subject, outcome))",
      ...before
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
  yield* sql.onDialectOrElse({
    sqlite: () =>
      Effect.forEach([...remediations, ...actions], (statement) => sql.unsafe(statement), { discard: true }),
    orElse: () => Effect.die(new Error("no triggers for the figures in this SQL dialect"))
  })
})
