/**
 * Counts the operations on files whose disk may hang. Node.js does each in one of its threads, and `process.exit` waits
 * for these threads: what ends the process has to know whether one is under way.
 */

// It wraps sequences of calls of Node.js that must not be interrupted halfway: promises fit.
// @effect-diagnostics asyncFunction:off

let underWay = 0

/** Runs an operation, which counts until it ends. */
export const run = async <A>(operation: () => Promise<A>): Promise<A> => {
  underWay += 1
  try {
    return await operation()
  } finally {
    underWay -= 1
  }
}

/** Whether an operation has not ended. */
export const areUnderWay = (): boolean => underWay > 0
