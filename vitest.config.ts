import { delimiter } from "node:path"
import { defineConfig } from "vitest/config"

/*
 * Five kinds of tests, told apart by where they are and what they are called. `unit` runs on a virtual clock and
 * touches neither network nor processes.
 * `integration` starts real servers and processes, so it takes real time. `cluster` works on real Kubernetes API
 * servers. Its files drain nodes and install policies, so only one file at a time works on a server: there is one worker
 * for each server that `KUBERNAUT_TEST_KUBECONFIGS` names (`test/kubernetes/controlPlane.ts`).
 * `planted` searches for planted bugs, in processes that compute and never wait. `scripts/test` runs these three at the
 * same time (`scripts/checks/Integration.ts`).
 * `examples` are what users copy: they import the package by its name, and run as they stand.
 * (The examples in comments and Markdown have a configuration of their own: scripts/doc-examples/vitest.config.ts.)
 */
const integration = "test/**/*.integration.test.ts"
const cluster = "test/**/*.cluster.integration.test.ts"
const planted = "test/simulation/planted/planted.integration.test.ts"

const controlPlanes = (process.env["KUBERNAUT_TEST_KUBECONFIGS"] ?? "").split(delimiter).length

// A limit is there for what hangs. The three kinds run at the same time, so a test may take several times as long as alone.
const realTime = { pool: "forks", testTimeout: 180_000, hookTimeout: 180_000 } as const

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [integration],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 60_000
        }
      },
      { test: { name: "examples", include: ["examples/**/*.test.ts"], pool: "forks", testTimeout: 60_000 } },
      {
        test: {
          name: "integration",
          include: [integration],
          exclude: [cluster, planted],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...realTime
        }
      },
      {
        test: {
          name: "cluster",
          include: [cluster],
          maxWorkers: controlPlanes,
          sequence: { groupOrder: 2 },
          ...realTime
        }
      },
      {
        test: {
          name: "planted",
          include: [planted],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
          ...realTime
        }
      }
    ]
  }
})
