import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Latch, Random } from "effect"
import * as World from "../../../src/simulation/engine/World.ts"

/** The order in which the parts of three workers run, each of which has two. */
const interleaving = (seed: number): string => {
  const world = World.make(seed)
  let order = ""
  const worker = (name: string) =>
    Effect.gen(function* () {
      order += name
      yield* Effect.yieldNow
      order += name
    })
  world.boot(
    "workers",
    Effect.gen(function* () {
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(worker(name)))
      yield* Effect.forEach(fibers, Fiber.join)
    })
  )
  assert.deepStrictEqual(world.run(), { _tag: "Done" })
  return order
}

/** Runs an effect alone in a world, and returns its value. */
const inWorld = <A>(effect: Effect.Effect<A>, seed = 1): A => {
  const world = World.make(seed)
  const process = world.boot("test", effect)
  assert.deepStrictEqual(world.run(), { _tag: "Done" })
  assert.isTrue(process.exit?._tag === "Success")
  return (process.exit as { readonly value: A }).value
}

/** Records the monotonic time every second. */
const ticking = (ticks: Array<number>) =>
  Effect.forever(
    Effect.andThen(
      Effect.sleep("1 second"),
      Effect.map(Clock.monotonicTimeNanos, (nanos) => ticks.push(Number(nanos / 1_000_000n)))
    )
  )

describe("World", () => {
  it("runs three workers in all their 90 orders over 3,000 seeds, and in the same order for the same seed", () => {
    const seeds = Array.from({ length: 3000 }, (_, seed) => seed)
    const orders = seeds.map(interleaving)
    assert.strictEqual(new Set(orders).size, 90)
    assert.deepStrictEqual(seeds.slice(0, 100).map(interleaving), orders.slice(0, 100))
  })

  it("runs two fibers that wake at the same moment in either order, each in at least 30% of the seeds", () => {
    const firsts = Array.from({ length: 200 }, (_, seed) =>
      inWorld(Effect.raceFirst(Effect.as(Effect.sleep(10), "left"), Effect.as(Effect.sleep(10), "right")), seed)
    )
    assert.isAbove(firsts.filter((first) => first === "left").length, 60)
    assert.isAbove(firsts.filter((first) => first === "right").length, 60)
  })

  it("skips only time in which nothing happens", () => {
    const world = World.make(1)
    const ticks: Array<number> = []
    world.boot("ticking", ticking(ticks))
    assert.deepStrictEqual(world.run({ untilMs: 3500 }), { _tag: "TimeLimit" })
    assert.deepStrictEqual(ticks, [1000, 2000, 3000])
    assert.strictEqual(world.nowMs, 3500)
  })

  it("rounds a sleep up to whole milliseconds", () => {
    const slept = inWorld(
      Effect.map(Effect.timed(Effect.sleep("1500 micros")), ([duration]) => Duration.toMillis(duration))
    )
    assert.strictEqual(slept, 2)
  })

  it("does not advance time to a cancelled timer", () => {
    const world = World.make(1)
    world.boot("raced", Effect.timeoutOption(Effect.sleep("10 millis"), "1 day"))
    world.run()
    assert.strictEqual(world.nowMs, 10)
  })

  it("detects a deadlock and names the processes and the spans in which they wait", () => {
    const world = World.make(1, { watchFibers: true })
    const philosopher = (name: string, mine: Latch.Latch, theirs: Latch.Latch) =>
      Effect.andThen(theirs.await, mine.open).pipe(Effect.withSpan(name))
    world.boot(
      "table",
      Effect.gen(function* () {
        const left = Latch.makeUnsafe(false)
        const right = Latch.makeUnsafe(false)
        yield* Effect.all([philosopher("eat left", left, right), philosopher("eat right", right, left)], {
          concurrency: 2
        })
      })
    )
    world.boot("bystander", Effect.sleep("1 second"))
    const end = world.run()
    assert.strictEqual(end._tag, "Deadlock")
    const [waiting] = end._tag === "Deadlock" ? end.waiting : []
    assert.match(waiting ?? "", /^table: .*eat left/)
    assert.match(waiting ?? "", /eat right/)
  })

  it("detects a livelock and names the busy processes", () => {
    const world = World.make(1)
    world.boot("busy", Effect.forever(Effect.yieldNow))
    world.boot("idle", Effect.never)
    assert.deepStrictEqual(world.run({ livelockSteps: 1000 }), { _tag: "Livelock", busy: ["busy"] })
  })

  it("does not report a loop in which time passes as a livelock", () => {
    const world = World.make(1)
    world.boot("ticking", ticking([]))
    assert.strictEqual(world.run({ livelockSteps: 100, untilMs: 1_000_000 })._tag, "TimeLimit")
  })

  it("lets other fibers run, however long one computes", () => {
    const world = World.make(1)
    let turns = 0
    world.boot("greedy", Effect.forever(Effect.void))
    world.boot(
      "modest",
      Effect.sync(() => turns++)
    )
    world.run({ limitSteps: 100 })
    assert.strictEqual(turns, 1)
  })

  it("draws the same numbers and span ids for the same seed, and others for another", () => {
    const draw = Effect.gen(function* () {
      const span = yield* Effect.currentSpan
      return [yield* Random.nextInt, span.traceId, span.spanId, yield* Random.next]
    }).pipe(Effect.withSpan("drawn"), Effect.orDie)
    assert.deepStrictEqual(inWorld(draw, 5), inWorld(draw, 5))
    assert.notDeepEqual(inWorld(draw, 5), inWorld(draw, 6))
    assert.match(String(inWorld(draw, 5)[1]), /^[0-9a-f]{32}$/)
  })

  it("draws for one purpose without affecting another", () => {
    const world = World.make(9)
    const before = world.random("faults").next32()
    world.random("other").next32()
    assert.strictEqual(world.random("faults").next32(), before)
    assert.notStrictEqual(world.random("other").next32(), before)
  })
})

describe("the wall clock", () => {
  it("may jump forward and back without affecting a sleep", () => {
    const world = World.make(1)
    const ticks: Array<number> = []
    const shown: Array<number> = []
    world.boot("ticking", ticking(ticks))
    world.boot(
      "reading",
      Effect.forever(
        Effect.andThen(
          Effect.sleep("1 second"),
          Effect.map(Clock.currentTimeMillis, (ms) => shown.push(ms - world.wallStartMs))
        )
      )
    )
    world.at(1500, () => world.jumpWallClock(3_600_000))
    world.at(2500, () => world.jumpWallClock(-7_200_000))
    world.run({ untilMs: 4000 })
    assert.deepStrictEqual(ticks, [1000, 2000, 3000, 4000])
    assert.deepStrictEqual(shown, [1000, 3_602_000, -3_597_000, -3_596_000])
  })

  it("of one process may differ from that of another", () => {
    const world = World.make(1)
    const shown: Array<number> = []
    const read = Effect.map(Clock.currentTimeMillis, (ms) => shown.push(ms - world.wallStartMs))
    world.boot("right", read)
    world.boot("ahead", Effect.andThen(Effect.sleep(1), read), { wallSkewMs: 60_000 })
    world.run()
    assert.deepStrictEqual(shown, [0, 60_001])
  })
})

describe("a process", () => {
  it("that crashes runs no finalizer and nothing else, and the others continue", () => {
    const world = World.make(1)
    const ticks: Array<number> = []
    const others: Array<number> = []
    let finalized = false
    const process = world.boot(
      "dying",
      Effect.ensuring(
        ticking(ticks),
        Effect.sync(() => {
          finalized = true
        })
      )
    )
    world.boot("living", ticking(others))
    world.at(2500, () => process.crash())
    world.run({ untilMs: 10_000 })
    assert.deepStrictEqual([process.state, ticks, finalized, others.length], ["crashed", [1000, 2000], false, 10])
  })

  it("receives no callback once it has crashed", () => {
    const world = World.make(1)
    let heard = false
    let answer = () => {}
    const process = world.boot(
      "deaf",
      Effect.andThen(
        Effect.callback<void>((resume) => {
          answer = () => process.post(() => resume(Effect.void))
        }),
        Effect.sync(() => {
          heard = true
        })
      )
    )
    world.at(1, () => process.crash())
    world.at(2, () => answer())
    world.run()
    assert.isFalse(heard)
  })

  it("can be crashed before every step", () => {
    const parts = Effect.gen(function* () {
      yield* Effect.yieldNow
      yield* Effect.sleep(1)
      yield* Effect.yieldNow
    })
    const whole = World.make(1)
    whole.boot("whole", parts)
    whole.run()
    for (let step = 1; step <= whole.steps; step++) {
      const world = World.make(1)
      const process = world.boot("crashing", parts)
      world.atStep(step, () => process.crash())
      world.run()
      assert.deepStrictEqual([process.state, world.steps], ["crashed", step])
    }
  })

  it("that resumes runs at once what became due during the pause", () => {
    const world = World.make(1)
    const ticks: Array<number> = []
    const process = world.boot("paused", ticking(ticks))
    world.at(1500, () => process.pause(60_000))
    world.run({ untilMs: 63_000 })
    assert.deepStrictEqual(ticks, [1000, 61_500, 62_500])
    assert.strictEqual(process.state, "running")
  })

  it("that ends also ends its detached fibers", () => {
    const world = World.make(1)
    let late = false
    const process = world.boot(
      "short",
      Effect.forkDetach(
        Effect.andThen(
          Effect.sleep("1 second"),
          Effect.sync(() => {
            late = true
          })
        )
      )
    )
    assert.deepStrictEqual(world.run(), { _tag: "Done" })
    assert.deepStrictEqual([process.state, late, world.nowMs], ["exited", false, 0])
  })

  it("counts the fibers that live in it", () => {
    const world = World.make(1)
    const process = world.boot(
      "counted",
      Effect.gen(function* () {
        yield* Effect.forkChild(Effect.never)
        const ended = yield* Effect.forkChild(Effect.void)
        yield* Fiber.await(ended)
        return yield* Effect.never
      })
    )
    world.run()
    assert.strictEqual(process.fibers, 2)
  })

  it("yields every few operations if configured to, which exposes a race", () => {
    const lost = (yieldEvery: number): number => {
      const world = World.make(1)
      let balance = 0
      const deposit = Effect.gen(function* () {
        const before = yield* Effect.sync(() => balance)
        yield* Effect.void
        yield* Effect.void
        yield* Effect.void
        yield* Effect.sync(() => {
          balance = before + 1
        })
      })
      world.boot(
        "bank",
        Effect.forEach(Array.from({ length: 20 }), () => deposit, { concurrency: "unbounded" }),
        { yieldEvery }
      )
      world.run()
      return 20 - balance
    }
    assert.strictEqual(lost(2048), 0)
    assert.isAbove(lost(4), 0)
  })

  it("learns that a peer has ended while it waits for a response", () => {
    const world = World.make(1)
    const server = world.boot("server", Effect.never)
    const outcome = Deferred.makeUnsafe<string>()
    const client = world.boot("client", Deferred.await(outcome))
    server.onEnd(() => client.post(() => Deferred.doneUnsafe(outcome, Effect.succeed("cut off"))))
    world.at(5, () => server.crash())
    world.run()
    assert.deepStrictEqual(client.exit?._tag === "Success" ? client.exit.value : undefined, "cut off")
  })
})
