/** `kubernaut config` lists the settings and their values; `kubernaut rulebook` checks rulebooks. */

import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { load as loadRulebook } from "../../investigation/rules/Rulebook.ts"
import { readSettings, writeError } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { print } from "../Output.ts"
import type { Setting } from "../settings/Setting.ts"
import { environmentKey, fileKey, jsonSchema, settingNames, settings, shown } from "../settings/Settings.ts"

const fallbackOf = (name: (typeof settingNames)[number]): string => {
  const setting = settings[name] as Setting
  if (setting.fallbackText !== undefined) return setting.fallbackText
  return setting.fallback === undefined
    ? ""
    : typeof setting.fallback === "string"
      ? setting.fallback
      : JSON.stringify(setting.fallback)
}

/** The table of settings as Markdown. The documentation contains the same table. */
export const settingsTable = (): ReadonlyArray<string> => [
  "| environment | file | default | description |",
  "|---|---|---|---|",
  ...settingNames.map(
    (name) =>
      `| \`${environmentKey(name)}\` | \`${fileKey(name)}\` | ${fallbackOf(name) === "" ? "" : `\`${fallbackOf(name)}\``} | ${settings[name].description.replaceAll("|", "\\|")} Expected: ${settings[name].expected.replaceAll("|", "\\|")}. |`
  ),
  "",
  "`KUBERNAUT_CONFIG` names the YAML file. Environment variables override the file. Client commands read `KUBERNAUT_URL` and `KUBERNAUT_TOKEN`."
]

export const config = Command.make(
  "config",
  {
    schema: Flag.Boolean("schema").pipe(
      Flag.withDescription("Print the JSON Schema of the configuration file"),
      Flag.withDefault(false)
    ),
    values: Flag.Boolean("values").pipe(
      Flag.withDescription("Print the effective settings, with secrets redacted"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ schema, values }) {
    if (schema) return yield* print(jsonSchema(), () => [JSON.stringify(jsonSchema(), undefined, 2)])
    if (values) {
      const found = yield* readSettings
      for (const { key, message } of found.warnings) writeError(`warning: ${key}: ${message}`)
      const inForce = Object.fromEntries(
        settingNames.flatMap((name) => (found[name] === undefined ? [] : [[fileKey(name), shown(found[name])]]))
      )
      return yield* print(inForce, () =>
        Object.entries(inForce).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      )
    }
    const options = settingNames.map((name) => ({
      environment: environmentKey(name),
      file: fileKey(name),
      default: fallbackOf(name),
      description: settings[name].description,
      expected: settings[name].expected
    }))
    yield* print(options, settingsTable)
  })
).pipe(Command.withDescription("List every setting with its default and description, or show the effective values"))

const check = Command.make(
  "check",
  { file: Argument.Path("file", { pathType: "file" }).pipe(Argument.withDescription("Rulebook file (YAML)")) },
  Effect.fnUntraced(function* ({ file }) {
    const rules = yield* loadRulebook(file).pipe(
      Effect.mapError((error) => new CommandFailed({ code: "configuration", text: error.message }))
    )
    yield* print({ file, rules: rules.length }, () => [
      `${file} is valid: ${rules.length} rules, including the rules it extends.`
    ])
  })
).pipe(Command.withDescription("Check a rulebook. If it is invalid, print file, line and reason, and exit with 78"))

export const rulebook = Command.make("rulebook").pipe(
  Command.withDescription("Check rulebooks"),
  Command.withSubcommands([check])
)
