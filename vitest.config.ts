import { defineConfig } from "vitest/config"

/*
 * Four kinds of tests, told apart by where they are and what they are called. `unit` runs on a virtual clock and
 * touches neither network nor processes.
 * `integration` starts real servers and processes, so it takes real time. `cluster` works on a real Kubernetes API
 * server that its files
 * share, one after the other: some of them drain its nodes.
 * `examples` are what users copy: they import the package by its name, and run as they stand.
 * (The examples in comments and Markdown have a configuration of their own: scripts/doc-examples/vitest.config.ts.)
 */
const integration = "test/**/*.integration.test.ts"
const cluster = "test/**/*.cluster.integration.test.ts"

const realTime = { pool: "forks", testTimeout: 60_000, hookTimeout: 60_000 } as const

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
          testTimeout: 30_000
        }
      },
      { test: { name: "examples", include: ["examples/**/*.test.ts"], pool: "forks", testTimeout: 60_000 } },
      {
        test: {
          name: "integration",
          include: [integration],
          exclude: [cluster],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...realTime
        }
      },
      {
        test: {
          name: "cluster",
          include: [cluster],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          ...realTime
        }
      }
    ]
  }
})
