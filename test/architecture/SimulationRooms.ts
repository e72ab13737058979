/**
 * Which room of src/simulation may import which.
 *
 * A room is a folder, or a single file that lies lower than its folder: a fault and a scenario as data, which the far
 * ends are built from, and the report, which shows what a runner returned. Each room imports itself and the rooms that
 * it names, which stand above it in this table.
 */

import { importsOf, type SourceFile } from "./SourceTree.ts"

export const rooms: Readonly<Record<string, ReadonlyArray<string>>> = {
  engine: [],
  observation: ["engine"],
  "faults/Fault.ts": [],
  "scenarios/Scenario.ts": ["faults/Fault.ts"],
  farEnds: ["engine", "observation", "scenarios/Scenario.ts"],
  faults: ["engine", "faults/Fault.ts", "scenarios/Scenario.ts", "farEnds"],
  invariants: ["engine", "observation", "farEnds"],
  scenarios: ["observation", "faults/Fault.ts", "scenarios/Scenario.ts", "faults", "invariants"],
  report: ["observation", "faults"],
  run: [
    "engine",
    "observation",
    "faults/Fault.ts",
    "scenarios/Scenario.ts",
    "farEnds",
    "faults",
    "invariants",
    "scenarios",
    "report"
  ],
  "report/Report.ts": ["observation", "faults", "report", "run"],
  injection: ["engine", "farEnds", "faults"],
  "index.ts": [
    "engine",
    "observation",
    "faults/Fault.ts",
    "scenarios/Scenario.ts",
    "farEnds",
    "faults",
    "invariants",
    "scenarios",
    "report",
    "run",
    "report/Report.ts",
    "injection"
  ]
}

/** Rooms that import nothing of ours outside of the simulator. */
const alone = new Set(["engine"])

const root = "src/simulation/"

/** The room of a file; `undefined` for files outside of the simulator. */
const roomOf = (path: string): string | undefined => {
  if (!path.startsWith(root)) return undefined
  const within = path.slice(root.length)
  return within in rooms ? within : within.replace(/\/.*/, "")
}

export const violations = (file: SourceFile): ReadonlyArray<string> => {
  const room = roomOf(file.path)
  if (room === undefined) return []
  const allowed = rooms[room]
  if (allowed === undefined) return [`${file.path}: ${room} has no place in the simulator; see SimulationRooms.ts`]
  return importsOf(file).flatMap((imported) => {
    const target = roomOf(imported)
    if (target === undefined)
      return alone.has(room) && imported.startsWith("src/") ? [`${file.path}: ${room} must not import ${imported}`] : []
    return target === room || allowed.includes(target) ? [] : [`${file.path}: ${room} must not import ${imported}`]
  })
}
