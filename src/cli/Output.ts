/**
 * What commands print: data on standard output, talk on standard error.
 *
 * With `--json` standard output ends with one JSON value in one line; without it the same is told as text.
 */

import { Console, Effect } from "effect"
import { Flag, GlobalFlag } from "effect/cli"

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON value as the last line of standard output"),
    Flag.withDefault(false)
  )
})

/** Prints a result. Text is made only where it is wanted. */
export const print = (json: unknown, text: () => ReadonlyArray<string>) =>
  Effect.flatMap(Json, (wanted) =>
    wanted ? Console.log(JSON.stringify(json)) : Effect.forEach(text(), (line) => Console.log(line), { discard: true })
  )

/** Talk: on standard error, whether or not JSON is wanted. */
export const say = (line: string): Effect.Effect<void> => Console.error(line)

/** Columns as wide as their widest cell. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<Array<number>>(
    (found, row) => row.map((cell, index) => Math.max(found[index] ?? 0, cell.length)),
    []
  )
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join("  ")
      .trimEnd()
  )
}
