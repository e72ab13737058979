/**
 * Which cluster a client connects to, and as whom. Context, server, CA and proxy are resolved once, at start, and stay.
 * Later only the credentials of that context are read again.
 *
 * The context of a kubeconfig is a setting of the people who share the file. Without the pin, `kubectl config
 * use-context staging` followed by a 401 would send staging's token to the production server.
 */

import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { createSecureContext } from "node:tls"
import { type Cluster, KubeConfig, type User } from "@kubernetes/client-node"
import { Effect, Schema } from "effect"
import type { ConnectionPlace } from "./ConnectionFault.ts"
import type { ClusterInfo, ExecSection } from "./ExecCredential.ts"

/** Which cluster to connect to, and as whom. */
export interface ConnectionOptions {
  /** Path of a kubeconfig file. Default: as kubectl finds it (`KUBECONFIG`, then `~/.kube/config`). */
  readonly kubeconfig?: string | undefined
  /** Use the ServiceAccount of the pod that this process runs in. Default `false`. */
  readonly inCluster?: boolean | undefined
  /**
   * Identities for the case that the first one is rejected with 401, in order. Each is the name of a context of the
   * same kubeconfig that leads to the same server, or `file:` and the path of a file with a token. Default: none.
   */
  readonly identities?: ReadonlyArray<string> | undefined
  /**
   * Connect only as this identity: one of `identities`, or the name of the first context. Another one is never used.
   * Default: all of them, in their order.
   */
  readonly only?: string | undefined
}

/** The kubeconfig or the ServiceAccount cannot be used. `message` names the file and the field, never its content. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  message: Schema.String
}) {}

const isConnectionError = Schema.is(ConnectionError)

/** A connection whose server is fixed. */
export interface Pinned {
  readonly server: string
  readonly place: ConnectionPlace
  /** Told to a credential plugin that asks for it. */
  readonly info: ClusterInfo
  /** Reads the credentials of the pinned context again. */
  readonly reread: () => Reread
  readonly credentials: Credentials
  /** The identities that the operator listed, in order. */
  readonly alternatives: ReadonlyArray<ListedIdentity>
}

/** An identity for the case that the first one is rejected. */
export interface ListedIdentity {
  readonly name: string
  readonly credentials: Credentials
  readonly reread: () => Reread
}

/** What authenticates the user of the pinned context. */
export interface Credentials {
  /** Applies TLS settings, and the credentials that need no plugin. */
  readonly config: KubeConfig
  /** The credential plugin, if the user has one. */
  readonly exec: ExecSection | undefined
}

export type Reread =
  | { readonly _tag: "Credentials"; readonly credentials: Credentials }
  /** The file cannot be read now, or the context is gone. */
  | { readonly _tag: "Unreadable" }
  /** The context now leads to another server. Its credentials are not for ours. */
  | { readonly _tag: "OtherServer" }

const load = (options: ConnectionOptions): KubeConfig => {
  const config = new KubeConfig()
  if (options.inCluster === true) config.loadFromCluster()
  else if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig)
  else config.loadFromDefault()
  return config
}

const serviceAccount = "the pod's ServiceAccount"

/** The variable that the library reads when no path is given. */
// oxlint-disable-next-line no-restricted-properties -- only to name the file that the library has read
const kubeconfigVariable = (): string | undefined => process.env["KUBECONFIG"]

const fileOf = (options: ConnectionOptions): string =>
  options.inCluster === true
    ? serviceAccount
    : (options.kubeconfig ?? (kubeconfigVariable() || join(homedir(), ".kube", "config")))

const refuse = (message: string): ConnectionError =>
  new ConnectionError({ message: `The connection to Kubernetes cannot be set up: ${message}` })

const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

/** The address without user, password and query, which may be secret. */
const publicAddress = (address: string): string => {
  const url = URL.parse(address)
  return url === null
    ? "an address that is not a URL"
    : `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, "")}`
}

/** The section of a plugin. Some old files have it in `auth-provider`. */
const execOf = ({ authProvider, exec }: User): ExecSection | undefined =>
  (exec as ExecSection | undefined)
  ?? (authProvider as { readonly config?: { readonly exec?: ExecSection } } | undefined)?.config?.exec
  ?? undefined

/** A user without a plugin: `KubeConfig` would start one for every request. */
const withoutPlugin = (user: User): User => {
  if (execOf(user) === undefined) return user
  const { authProvider: _authProvider, exec: _exec, ...rest } = user
  return rest
}

const credentialsOf = (cluster: Cluster, user: User): Credentials => {
  const config = new KubeConfig()
  config.loadFromClusterAndUser(cluster, withoutPlugin(user))
  return { config, exec: execOf(user) }
}

/** A context without a user connects anonymously. */
const anonymous: User = { name: "anonymous" }

const caFieldOf = ({ caData, caFile }: Cluster): string | undefined =>
  caFile !== undefined && caFile !== ""
    ? `the field certificate-authority (${caFile})`
    : caData === undefined || caData === ""
      ? undefined
      : "the field certificate-authority-data"

/** The CA of the cluster, read once. `undefined`: the machine's own CAs. */
const readCa = (cluster: Cluster, file: string): Buffer | undefined => {
  const field = caFieldOf(cluster)
  if (field === undefined) return undefined
  const where = `${field} of cluster "${cluster.name}" in ${file}`
  let ca: Buffer
  try {
    ca = cluster.caFile ? readFileSync(cluster.caFile) : Buffer.from(cluster.caData ?? "", "base64")
  } catch {
    throw refuse(`${where} names a file that cannot be read`)
  }
  try {
    if (!ca.includes("-----BEGIN CERTIFICATE-----")) throw new Error("no certificate")
    createSecureContext({ ca })
  } catch {
    throw refuse(`${where} holds no certificate in PEM format`)
  }
  return ca
}

/** The server, or why it cannot be one. */
const readServer = (cluster: Cluster, file: string): URL => {
  const where = `the field server of cluster "${cluster.name}" in ${file}`
  if (/^https?:\/\/undefined/.test(cluster.server))
    throw refuse(
      `${file} cannot be used, because this process does not run in a pod: KUBERNETES_SERVICE_HOST is not set`
    )
  if (!URL.canParse(cluster.server)) throw refuse(`${where} is not a URL, such as https://127.0.0.1:6443`)
  const server = new URL(cluster.server)
  if (server.protocol !== "https:" && server.protocol !== "http:")
    throw refuse(`${where} begins with ${server.protocol}//; it must begin with https://`)
  // Anyone on the way could read the credentials.
  if (server.protocol === "http:" && !cluster.skipTLSVerify && !isLoopback(server))
    throw refuse(`${where} is plain HTTP; it must begin with https://`)
  return server
}

const currentOf = (config: KubeConfig, file: string) => {
  const name = config.getCurrentContext() as string | undefined
  if (name === undefined || name === "") throw refuse(`${file} has no current-context`)
  const context = config.getContextObject(name)
  if (context === null) throw refuse(`${file} has no context "${name}", which current-context names`)
  const cluster = config.getCluster(context.cluster)
  if (cluster === null) throw refuse(`${file} has no cluster "${context.cluster}", which context "${name}" names`)
  const user = context.user === undefined ? anonymous : config.getUser(context.user)
  if (user === null) throw refuse(`${file} has no user "${context.user}", which context "${name}" names`)
  return { name, cluster, user }
}

const pinnedCluster = (cluster: Cluster, server: URL, ca: Buffer | undefined, inCluster: boolean): Cluster => {
  // The kubelet replaces the file of the ServiceAccount when the cluster's CA is rotated. No person can change it.
  const { caData: _data, caFile, ...rest } = cluster
  return {
    ...rest,
    // Only this flag makes the library accept a plain HTTP address.
    skipTLSVerify: cluster.skipTLSVerify || server.protocol === "http:",
    ...(inCluster ? { caFile } : ca === undefined ? {} : { caData: ca.toString("base64") })
  } as Cluster
}

const pinUnsafe = (options: ConnectionOptions): Pinned => {
  const config = load(options)
  const inCluster =
    options.inCluster === true || (config.getCurrentContext() as string | undefined) === "inClusterContext"
  const file = inCluster ? serviceAccount : fileOf(options)
  const { cluster, name, user } = currentOf(config, file)
  const isGuess = cluster.server === "http://localhost:8080" && !inCluster && options.kubeconfig === undefined
  if (isGuess) throw refuse(`${file} names no cluster. Set KUBECONFIG to a kubeconfig file`)
  const server = readServer(cluster, file)
  const ca = readCa(cluster, file)
  const pinned = pinnedCluster(cluster, server, ca, inCluster)
  const exec = execOf(user)
  return {
    server: cluster.server.replace(/\/$/, ""),
    place: {
      file,
      context: name,
      cluster: cluster.name,
      user: user.name,
      server: publicAddress(cluster.server),
      ca: caFieldOf(cluster),
      tlsServerName: cluster.tlsServerName,
      proxy: cluster.proxyUrl === undefined ? undefined : publicAddress(cluster.proxyUrl),
      plugin: exec?.command
    },
    info: {
      server: cluster.server,
      ...(cluster.tlsServerName === undefined ? {} : { "tls-server-name": cluster.tlsServerName }),
      ...(cluster.skipTLSVerify ? { "insecure-skip-tls-verify": true } : {}),
      ...(ca === undefined ? {} : { "certificate-authority-data": ca.toString("base64") }),
      ...(cluster.proxyUrl === undefined ? {} : { "proxy-url": cluster.proxyUrl })
    },
    credentials: credentialsOf(pinned, user),
    reread: () => rereadContext(options, name, cluster, pinned),
    alternatives: (options.identities ?? []).map((identity) =>
      identity.startsWith("file:")
        ? tokenFileIdentity(identity, pinned)
        : contextIdentity(options, identity, { file, config }, cluster, pinned)
    )
  }
}

const isSameServer = (one: Cluster, other: Cluster): boolean =>
  one.server.replace(/\/$/, "") === other.server.replace(/\/$/, "") && one.proxyUrl === other.proxyUrl

/** Reads the credentials of a context again, for the server that is pinned. */
const rereadContext = (options: ConnectionOptions, name: string, cluster: Cluster, pinned: Cluster): Reread => {
  try {
    const next = load(options)
    const context = next.getContextObject(name)
    const now = context === null ? null : next.getCluster(context.cluster)
    if (context === null || now === null) return { _tag: "Unreadable" }
    if (!isSameServer(now, cluster)) return { _tag: "OtherServer" }
    const nextUser = context.user === undefined ? anonymous : next.getUser(context.user)
    return nextUser === null
      ? { _tag: "Unreadable" }
      : { _tag: "Credentials", credentials: credentialsOf(pinned, nextUser) }
  } catch {
    return { _tag: "Unreadable" }
  }
}

/** An identity whose token is in a file, which is read for every request. */
const tokenFileIdentity = (identity: string, pinned: Cluster): ListedIdentity => {
  const tokenFile = identity.slice("file:".length)
  const credentials = credentialsOf(pinned, {
    name: identity,
    authProvider: { name: "tokenFile", config: { tokenFile } }
  } as User)
  return { name: identity, credentials, reread: () => ({ _tag: "Credentials", credentials }) }
}

/** An identity of another context. Its server must be the pinned one: another cluster is refused at start. */
const contextIdentity = (
  options: ConnectionOptions,
  name: string,
  { config, file }: { readonly config: KubeConfig; readonly file: string },
  cluster: Cluster,
  pinned: Cluster
): ListedIdentity => {
  const context = config.getContextObject(name)
  if (context === null) throw refuse(`${file} has no context "${name}", which the identities name`)
  const own = config.getCluster(context.cluster)
  if (own === null || !isSameServer(own, cluster))
    throw refuse(
      `context "${name}" in ${file}, which the identities name, leads to another server than ${publicAddress(cluster.server)}; an identity must be of the same cluster`
    )
  const user = context.user === undefined ? anonymous : config.getUser(context.user)
  if (user === null) throw refuse(`${file} has no user "${context.user}", which context "${name}" names`)
  return {
    name,
    credentials: credentialsOf(pinned, user),
    reread: () => rereadContext(options, name, cluster, pinned)
  }
}

/** The connection with a single identity. */
const onlyAs = (pinned: Pinned, only: string): Pinned => {
  const listed = pinned.alternatives.find(({ name }) => name === only)
  if (listed === undefined && only !== pinned.place.context)
    throw refuse(`"${only}" is neither the context of ${pinned.place.file} nor one of the identities`)
  const { credentials, reread } = listed ?? pinned
  return { ...pinned, place: { ...pinned.place, context: only }, credentials, reread, alternatives: [] }
}

/** Resolves the connection. Fails with a message that names the file and the field. */
export const pin = (options: ConnectionOptions): Effect.Effect<Pinned, ConnectionError> =>
  Effect.try({
    try: () => (options.only === undefined ? pinUnsafe(options) : onlyAs(pinUnsafe(options), options.only)),
    catch: (error) => (isConnectionError(error) ? error : refuse(`${fileOf(options)} cannot be read as a kubeconfig`))
  })
