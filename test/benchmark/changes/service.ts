/** A process with a client, a database and, if it is asked to, the change journal. It reports its memory and CPU. */

import { join } from "node:path"
import { Clock, Effect, Layer, ManagedRuntime } from "effect"
import { ChangeJournal } from "../../../src/changes/ChangeJournal.ts"
import * as ChangeWatcher from "../../../src/changes/ChangeWatcher.ts"
import { watchedKinds } from "../../../src/changes/WatchedKinds.ts"
import * as Timestamp from "../../../src/domain/Timestamp.ts"
import * as ClientNode from "../../../src/kubernetes/ClientNode.ts"
import * as Storage from "../../../src/storage/Storage.ts"

const [variant, directory, seconds] = process.argv.slice(2)

const services = ChangeWatcher.layer().pipe(
  Layer.provideMerge(Storage.layerSqlite({ filename: join(directory!, `${variant}.db`) })),
  Layer.provideMerge(ClientNode.layer({ kubeconfig: join(directory!, "kubeconfig") }))
)
const runtime = ManagedRuntime.make(services)

const allWatched = Effect.gen(function* () {
  const journal = yield* ChangeJournal
  const isOpen = Effect.map(
    Effect.flatMap(Timestamp.now, (now) => journal.gaps(watchedKinds, now)),
    (gaps) => gaps.some(({ to }) => to === null)
  )
  while (yield* isOpen) yield* Effect.sleep("100 millis")
})

const rss = (): number => {
  globalThis.gc?.()
  return process.memoryUsage.rss() / 2 ** 20
}

const measured = Effect.gen(function* () {
  if (variant === "with") {
    yield* Effect.forkDetach(Effect.flatMap(ChangeWatcher.ChangeWatcher, ({ run }) => run))
    yield* allWatched
  } else yield* ChangeJournal
  process.send?.("ready")
  yield* Effect.sleep("5 seconds")
  const before = process.cpuUsage()
  const startedMs = yield* Clock.currentTimeMillis
  let most = 0
  for (let second = 0; second < Number(seconds); second++) {
    yield* Effect.sleep("1 second")
    most = Math.max(most, process.memoryUsage.rss() / 2 ** 20)
  }
  const { system, user } = process.cpuUsage(before)
  const cores = (user + system) / 1000 / ((yield* Clock.currentTimeMillis) - startedMs)
  const recorded =
    variant === "with" ? yield* Effect.flatMap(ChangeJournal, (journal) => journal.list({ limit: 100_000 })) : []
  return { cores, rss: rss(), most, recorded: recorded.length }
})

runtime.runPromise(measured).then(
  (result) => {
    process.send?.(result)
    process.exit(0)
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  }
)
