import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Place, placeFor, type Urgency, Workplaces } from "../../src/remediation/Workplaces.ts"

const Work = Schema.Literals(["critical", "answered", "critical and answered", "other"])

const urgencyOf = (kind: typeof Work.Type, dueMs: number): Urgency => ({
  isCritical: kind.startsWith("critical"),
  isAnswer: kind.endsWith("answered"),
  dueMs
})

const Steps = Schema.Array(
  Schema.Struct({
    does: Schema.Literals(["enter", "enter", "leave", "leave", "comeBack", "end", "raise"]),
    kind: Work,
    dueMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    pick: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
  })
).check(Schema.isMaxLength(200))

const Concurrency = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))

/** An actor as a test sees it. */
interface Actor {
  readonly place: Place
  /** How often it was given its place, and how often it waited for it. */
  given: number
  asked: number
}

const actorsOf = (concurrency: number) => {
  const places = new Workplaces(concurrency)
  const actors: Array<Actor> = []
  return {
    places,
    actors,
    enter: (kind: typeof Work.Type, dueMs = 0): Actor => {
      const actor: Actor = { place: placeFor(urgencyOf(kind, dueMs)), given: 0, asked: 1 }
      actors.push(actor)
      places.enter(actor.place, () => actor.given++)
      return actor
    },
    leave: ({ place }: Actor) => places.leave(place),
    comeBack: (actor: Actor, nowMs = 0) => {
      actor.asked++
      places.comeBack(actor.place, nowMs, () => actor.given++)
    },
    end: (actor: Actor) => places.end(actor.place),
    isWorking: ({ place }: Actor) => place.status === "held",
    isWaiting: ({ place }: Actor) => place.entry !== undefined
  }
}

/** What would get a place although it waits, if there were an error. */
const overlooked = ({ actors, isWaiting, places }: ReturnType<typeof actorsOf>): ReadonlyArray<Actor> => {
  const { aside, held } = places.state
  if (held === places.concurrency) return []
  const others = actors.filter(({ place }) => place.status === "held" && place.countedAs !== "critical").length
  const criticalAside = actors.filter(({ place }) => place.status === "aside" && place.countedAs === "critical").length
  const kept = Math.max(1, Math.floor(places.concurrency / 4))
  const forOthers = Math.max(1, places.concurrency - kept)
  return actors.filter(isWaiting).filter(({ place: { status, urgency } }) => {
    const forRank = urgency.isAnswer ? forOthers + Math.floor(kept / 2) : forOthers
    const hasRoom = urgency.isCritical || others < forRank
    if (!hasRoom || status === "aside" || urgency.isAnswer) return hasRoom
    return (urgency.isCritical ? criticalAside : aside) < places.concurrency
  })
}

describe("the places", () => {
  it.prop(
    "are never more than their number, are given to everybody who may have one, and are all free in the end",
    [Steps, Concurrency],
    ([steps, concurrency]) => {
      const all = actorsOf(concurrency)
      const { actors, comeBack, end, enter, isWaiting, isWorking, leave, places } = all
      for (const { does, dueMs, kind, pick } of steps) {
        const one = actors[pick % Math.max(1, actors.length)]
        if (does === "enter" || one === undefined) enter(kind, dueMs)
        else if (does === "leave") leave(one)
        else if (does === "end") end(one)
        else if (does === "raise") places.raise(one.place, urgencyOf(kind, dueMs))
        else if (one.place.status === "aside" && !isWaiting(one)) comeBack(one, dueMs)
        const working = actors.filter(isWorking).length
        assert.isAtMost(working, concurrency)
        assert.strictEqual(places.state.held, working)
        assert.strictEqual(places.state.aside, actors.filter(({ place }) => place.status === "aside").length)
        assert.deepStrictEqual(overlooked(all), [])
        for (const actor of actors)
          if (actor.place.status !== "ended") assert.strictEqual(actor.given, actor.asked - (isWaiting(actor) ? 1 : 0))
      }
      actors.forEach(end)
      assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
      const fresh = Array.from({ length: concurrency }, () => enter("critical"))
      assert.isTrue(fresh.every(isWorking))
    },
    { arbitrary: { runs: 300 } }
  )

  it("of an actor that leaves goes to the next at once, and it gets the next free one back", () => {
    const { comeBack, end, enter, isWorking, leave } = actorsOf(2)
    const [first, second] = [enter("other"), enter("other")]
    assert.isFalse(isWorking(second))
    leave(first)
    assert.isTrue(isWorking(second))
    comeBack(first)
    assert.isFalse(isWorking(first))
    end(second)
    assert.isTrue(isWorking(first))
  })

  it("go to one that comes back before new work, however long that has waited", () => {
    const { comeBack, end, enter, isWorking, leave } = actorsOf(2)
    const first = enter("other", 300)
    leave(first)
    const second = enter("other", 301)
    const third = enter("other", 302)
    comeBack(first, 900)
    end(second)
    assert.isTrue(isWorking(first))
    assert.isFalse(isWorking(third))
  })

  it("of those that are due at the same moment go to critical work first, then to what a person has answered", () => {
    const { end, enter, isWorking } = actorsOf(1)
    const first = enter("other")
    const order = (["other", "answered", "critical", "critical and answered"] as const).map((kind) => enter(kind))
    const begun: Array<number> = []
    for (let last = first; begun.length < 4; last = order[begun.at(-1)!]!) {
      end(last)
      begun.push(order.findIndex(isWorking))
    }
    assert.deepStrictEqual(begun, [3, 2, 1, 0])
  })

  it("are given at once to one that comes back before it is due", () => {
    const { comeBack, end, enter, isWorking, leave } = actorsOf(2)
    const first = enter("other", 900)
    leave(first)
    const second = enter("other", 500)
    const third = enter("other", 600)
    comeBack(first, 550)
    end(second)
    assert.isTrue(isWorking(first))
    assert.isFalse(isWorking(third))
  })

  it("that are kept for critical alerts are given to an actor aside that one of these joins", () => {
    const { comeBack, enter, isWorking, leave, places } = actorsOf(2)
    const joined = enter("other")
    leave(joined)
    enter("other")
    comeBack(joined)
    assert.isFalse(isWorking(joined))
    places.raise(joined.place, urgencyOf("critical", 0))
    assert.isTrue(isWorking(joined))
  })

  it("are not left twice, and not by an actor that has ended", () => {
    const { end, enter, leave, places } = actorsOf(2)
    const actor = enter("other")
    assert.isTrue(leave(actor))
    assert.isFalse(leave(actor))
    end(actor)
    end(actor)
    assert.isFalse(leave(actor))
    assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
  })

  it("are not given to an actor that has ended while it waited", () => {
    const { comeBack, end, enter, isWorking, leave, places } = actorsOf(2)
    const first = enter("other")
    leave(first)
    const second = enter("other")
    comeBack(first)
    end(first)
    end(second)
    assert.isFalse(isWorking(first))
    assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
  })

  it("are given to ten thousand, one after the other, without nesting", () => {
    const places = new Workplaces(1)
    let ended = 0
    const first = placeFor(urgencyOf("other", 0))
    places.enter(first, () => {})
    for (let index = 0; index < 10_000; index++) {
      const place = placeFor(urgencyOf("other", 0))
      places.enter(place, () => {
        ended++
        places.end(place)
      })
    }
    places.end(first)
    assert.strictEqual(ended, 10_000)
    assert.deepStrictEqual(places.state, { held: 0, aside: 0 })
  })
})

describe("while as many actors are aside as there are places", () => {
  const bounded = (rank: "critical" | "other") => {
    const all = actorsOf(3)
    const aside = Array.from({ length: 3 }, () => {
      const actor = all.enter(rank)
      all.leave(actor)
      return actor
    })
    return { ...all, aside }
  }

  it("no other work begins, until one of them has its place back", () => {
    const { aside, comeBack, enter, isWorking } = bounded("other")
    const next = enter("other")
    assert.isFalse(isWorking(next))
    comeBack(aside[0]!)
    assert.isTrue(isWorking(aside[0]!))
    assert.isTrue(isWorking(next))
  })

  it("what a person has answered begins", () => {
    const { enter, isWorking, places } = bounded("critical")
    assert.isTrue(isWorking(enter("answered")))
    assert.isTrue(isWorking(enter("critical and answered")))
    const waiting = enter("critical")
    assert.isFalse(isWorking(waiting))
    places.raise(waiting.place, urgencyOf("answered", 0))
    assert.isTrue(isWorking(waiting))
  })

  it("critical work begins unless all of them are critical", () => {
    const others = bounded("other")
    assert.isTrue(others.isWorking(others.enter("critical")))
    const critical = bounded("critical")
    assert.isFalse(critical.isWorking(critical.enter("critical")))
  })

  it("those that come back are stopped by nothing but full places", () => {
    const { aside, comeBack, isWorking } = bounded("critical")
    aside.forEach((actor) => comeBack(actor))
    assert.isTrue(aside.every(isWorking))
  })
})
