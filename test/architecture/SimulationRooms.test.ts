import { assert, describe, it } from "@effect/vitest"
import { rooms, violations } from "./SimulationRooms.ts"
import { files } from "./SourceTree.ts"

const importing = (path: string, specifier: string) =>
  violations({ path, text: `import type { A } from ${JSON.stringify(specifier)}\n` })

describe("the simulator's rooms", () => {
  it("import only what the table allows", () => {
    assert.deepStrictEqual(files(/^src\/simulation\/.*\.ts$/).flatMap(violations), [])
  })

  it("name only rooms above them, so the table itself has no cycle", () => {
    const names = Object.keys(rooms)
    names.forEach((room, index) =>
      assert.deepStrictEqual(
        rooms[room]!.filter((other) => names.indexOf(other) >= index),
        [],
        room
      )
    )
  })

  it("refuse an import from below, types included", () => {
    assert.lengthOf(importing("src/simulation/farEnds/Drill.ts", "../run/ServiceProcess.ts"), 1)
    assert.lengthOf(importing("src/simulation/scenarios/Scenario.ts", "../invariants/Invariant.ts"), 1)
    assert.lengthOf(importing("src/simulation/farEnds/Link.ts", "../faults/FaultKind.ts"), 1)
    assert.lengthOf(importing("src/simulation/farEnds/FarEnd.ts", "../scenarios/Scenario.ts"), 0)
  })

  it("keep the engine apart from the service", () => {
    assert.lengthOf(importing("src/simulation/engine/World.ts", "../../domain/Alert.ts"), 1)
    assert.lengthOf(importing("src/simulation/engine/World.ts", "./Process.ts"), 0)
  })

  it("refuse a folder that the table does not list", () => {
    assert.lengthOf(importing("src/simulation/weather/Rain.ts", "effect"), 1)
  })
})
