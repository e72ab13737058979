/**
 * Output of commands: results on standard output, messages on standard error.
 *
 * With `--json` the last line of standard output is one JSON value; without it the result is text.
 */

import { Console, Effect } from "effect"
import { Flag, GlobalFlag } from "effect/cli"
import { plain } from "../domain/PlainText.ts"

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the result as JSON, in the last line of standard output"),
    Flag.withDefault(false)
  )
})

/**
 * Prints a result as JSON or as text. Text may come from the cluster, so that control characters are written out: they
 * could clear the terminal, or make a line look like another one. JSON has them escaped.
 */
export const print = (json: unknown, text: () => ReadonlyArray<string>) =>
  Effect.flatMap(Json, (wanted) =>
    wanted
      ? Console.log(JSON.stringify(json))
      : Effect.forEach(text().map(visible), (line) => Console.log(line), { discard: true })
  )

/** A text of ours may have several lines. */
const visible = (text: string): string => text.split("\n").map(plain).join("\n")

/** Prints a message on standard error, with and without `--json`. */
export const say = (line: string): Effect.Effect<void> => Console.error(line)

/** Aligns rows in columns. */
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
