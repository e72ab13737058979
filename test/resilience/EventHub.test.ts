import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as EventHub from "../../src/resilience/EventHub.ts"

/** Registers a listener until the returned function is called. */
const listen = <A>(hub: EventHub.EventHub<A>, listener: (event: A) => void) => {
  const scope = Scope.makeUnsafe()
  Effect.runSync(Scope.provide(hub.listen(listener), scope))
  return () => Effect.runSync(Scope.close(scope, Exit.void))
}

describe("an event", () => {
  it("is not passed to a listener that is added while it is published", () => {
    const hub = EventHub.make<number>()
    const seen: Array<string> = []
    let isFirst = true
    listen(hub, (event) => {
      seen.push(`first ${event}`)
      if (isFirst) listen(hub, (later) => seen.push(`second ${later}`))
      isFirst = false
    })
    hub.publish(1)
    assert.deepStrictEqual(seen, ["first 1"])
    hub.publish(2)
    assert.deepStrictEqual(seen, ["first 1", "first 2", "second 2"])
  })

  it("ends although each of its listeners adds another one", () => {
    const hub = EventHub.make<number>()
    let calls = 0
    const breed = () => {
      calls++
      if (calls < 100) listen(hub, breed)
    }
    listen(hub, breed)
    hub.publish(1)
    assert.strictEqual(calls, 1)
    hub.publish(2)
    assert.strictEqual(calls, 3)
  })

  it("is not passed to a listener that another one ends while it is published", () => {
    const hub = EventHub.make<number>()
    const seen: Array<string> = []
    let end = () => {}
    listen(hub, () => end())
    end = listen(hub, (event) => seen.push(`second ${event}`))
    listen(hub, (event) => seen.push(`third ${event}`))
    hub.publish(1)
    assert.deepStrictEqual(seen, ["third 1"])
  })

  it("goes twice to a function that is registered twice, and once after one of them has ended", () => {
    const hub = EventHub.make<number>()
    let calls = 0
    const count = () => void calls++
    listen(hub, count)
    const end = listen(hub, count)
    hub.publish(1)
    end()
    hub.publish(2)
    assert.strictEqual(calls, 3)
    assert.isTrue(hub.active)
  })
})
