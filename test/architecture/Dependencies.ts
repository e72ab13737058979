/** package.json pins exact versions. package-lock.json installs on every platform and from any registry. */

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly resolved?: string
        readonly optionalDependencies?: Readonly<Record<string, string>>
      }
    >
  >
}

export const inexactVersions = (manifest: Manifest): ReadonlyArray<string> =>
  Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name} is ${version}: pin it to one version`)

/** `npm ci` refuses a lock file that lacks the optional package of another platform. */
export const lockProblems = (lock: Lock): ReadonlyArray<string> => {
  const isLocked = (from: string, name: string): boolean =>
    `node_modules/${name}` in lock.packages || `${from}/node_modules/${name}` in lock.packages
  return Object.entries(lock.packages).flatMap(([path, entry]) => [
    ...(entry.resolved === undefined ? [] : [`${path} names where it came from: remove "resolved"`]),
    ...Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !isLocked(path, name))
      .map((name) => `${path} needs an entry for ${name}, or npm ci refuses the file`)
  ])
}
