/**
 * The order of the versions of one object.
 *
 * An API server behind a cache, or with an etcd member that lags, may return an object that is older than one that was
 * read before. Versions that are decimal numbers grow with each write: every API server on etcd has such versions, and
 * Kubernetes promises it since 1.35. Other versions have no order.
 */

const isDecimal = (version: string): boolean => /^\d+$/.test(version)

/** Whether a version is known to be older than another one of the same object. */
export const isOlder = (version: string | undefined, than: string | undefined): boolean =>
  version !== undefined && than !== undefined && isDecimal(version) && isDecimal(than) && BigInt(version) < BigInt(than)

/** Whether a version is the same as another one of the same object, or known to be older. */
export const isNotNewer = (version: string | undefined, than: string | undefined): boolean =>
  version !== undefined && (version === than || isOlder(version, than))
