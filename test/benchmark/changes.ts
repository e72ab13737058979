/**
 * What the change journal costs on a large cluster: 10,000 objects and 100 changes a second, each of which is recorded.
 *
 * A process with the journal is compared with one that has the same client and database and does not watch. The API
 * server is a third process. Ratios are to what is allowed: 200 MiB of resident memory, and 10 % of a core. The memory
 * counts at its most. One change in five is of a ReplicaSet of a Deployment, which is noise and not recorded.
 * `KUBERNAUT_TEST_SECONDS` sets how long is measured (default 30).
 */

import { fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compare, type Result } from "./harness.ts"

const changesPerSecond = 100
const seconds = process.env["KUBERNAUT_TEST_SECONDS"] ?? "30"
const allowed = { memory: 200, cores: 0.1 }

interface Measured {
  readonly cores: number
  readonly rss: number
  readonly most: number
  readonly recorded: number
}

const script = (name: string): string => join(import.meta.dirname, "changes", name)

/** Runs a process with or without the journal. The changes begin when it is ready. */
const measured = async (variant: "with" | "without", directory: string): Promise<Measured> => {
  const server = fork(script("apiServer.ts"), [String(changesPerSecond)])
  const [port] = (await once(server, "message")) as [number]
  writeFileSync(
    join(directory, "kubeconfig"),
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      // The library allows plain HTTP only without TLS verification.
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x"
    })
  )
  const service = fork(script("service.ts"), [variant, directory, seconds])
  await once(service, "message")
  server.send("begin")
  const [result] = (await once(service, "message")) as [Measured]
  server.disconnect()
  return result
}

export async function* run(): AsyncGenerator<Result> {
  const directory = mkdtempSync(join(tmpdir(), "kubernaut-benchmark-"))
  try {
    const without = await measured("without", directory)
    const journal = await measured("with", directory)
    const variant = `10000 objects, ${changesPerSecond} changes/s`
    yield* compare("changes", variant, "MiB", {
      journal: Math.max(0, journal.most - without.most),
      "200 MiB": allowed.memory
    })
    yield* compare("changes", variant, "cores", {
      journal: Math.max(0, journal.cores - without.cores),
      "10 % of a core": allowed.cores
    })
    yield* compare("changes", variant, "changes/s recorded", {
      journal: journal.recorded / (Number(seconds) + 5),
      made: changesPerSecond
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
