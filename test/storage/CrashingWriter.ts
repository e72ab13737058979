/**
 * A process that writes remediations as fast as it can until it is killed: `node CrashingWriter.ts FILE ROUND`. After
 * each commit it prints the remediation and the length of its journal.
 */

import { writeSync } from "node:fs"
import { Effect, Option } from "effect"
import { targetKey } from "../../src/domain/Target.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { concluded, deployment, executed, intended, minute, newAlert, started, verified } from "./Incident.ts"

const [file = "", round = ""] = process.argv.slice(2)

const acknowledge = (name: string, sequence: number) => Effect.sync(() => writeSync(1, `${name} ${sequence}\n`))

const work = (index: number) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const name = `${round}-${String(index).padStart(6, "0")}`
    const target = deployment(name)
    yield* store.accept([newAlert(name, name, target)], minute(0))
    yield* acknowledge(name, 1)
    const { claim, open } = yield* store.claim(targetKey(target))
    let self = Option.getOrThrow(open)
    for (const events of [
      [started],
      [intended(target, name)],
      [executed(name), verified("fixed"), concluded("Remediated")]
    ]) {
      self = yield* store.append(claim, self, events, minute(1))
      yield* acknowledge(name, self.sequence)
    }
  })

await Effect.runPromise(
  Effect.forEach(
    Array.from({ length: 100_000 }, (_, index) => index),
    work,
    { concurrency: 20, discard: true }
  ).pipe(Effect.provide(Storage.layerSqlite({ filename: file })))
)
