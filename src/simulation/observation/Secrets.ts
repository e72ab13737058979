/**
 * Secrets that are planted where real ones turn up: in what a broken program logs, in the environment of its container,
 * in an event about it, in an alert's annotations, in what a model says, in the key to a peer, in the body of a peer's
 * error. None of them may leave the service but for the key, in the header that it is for.
 *
 * They are of shapes that a redactor can find: a bare random word beside no telling name is found by nobody.
 */
export const planted = {
  /** The password in a URL that a crashing program logs. */
  databasePassword: "Hn7-quiet-otter",
  /** Beside its name in the same log. */
  paymentToken: "tok-4f0c88d1aa3e",
  /** Given to the container of each bad version as a literal, by its name. */
  containerPassword: "ember-Vault-77",
  /** In an event about the workload. */
  registryToken: "rt-77aa09c2d4e1",
  /** In an annotation of each alert. */
  annotationPassword: "winter-Barn-41",
  /** The value of another, whose name says what it is. */
  namedAnnotation: "spruce Lamp 19",
  /** What HolmesGPT asks for as `X-API-Key`. */
  holmesgptKey: "hk-9d1f6be07c52",
  /** In the `detail` of HolmesGPT's errors, which are its internals. */
  holmesgptInternals: "sk-proj-4d3c2b1a0f9e8d7c6b5a"
} as const

/** What a program that crashes writes before it does. */
export const crashLog: ReadonlyArray<string> = [
  `level=info msg="starting"`,
  `level=debug msg="loaded configuration" DATABASE_URL=postgres://app:${planted.databasePassword}@db.prod.svc:5432/app PAYMENT_API_TOKEN=${planted.paymentToken}`,
  `level=error msg="relation \\"orders\\" has no column \\"coupon_code\\""`,
  `panic: schema version 41 is older than required version 42`
]

/** What people write into annotations when they are in a hurry. */
export const annotations = {
  summary: "The rollout is stuck.",
  runbook: `psql postgres://oncall:${planted.annotationPassword}@db.prod.svc/app -c "select 1"`,
  oncall_password: planted.namedAnnotation
} as const

/** The environment of a container whose author did not know of Secrets. */
export const environment = [{ name: "DB_PASSWORD", value: planted.containerPassword }] as const

/** What the kubelet quotes of a registry's refusal. */
export const eventMessage = `Failed to pull image: unauthorized: registry_token=${planted.registryToken} is not valid any more`

/** What a model says that has read the log and the environment. */
export const quoteSecrets = (cause: string): string =>
  `${cause} It logs in with postgres://app:${planted.databasePassword}@db.prod.svc:5432 and DB_PASSWORD=${planted.containerPassword}.`

/** The secrets that a text holds, by name. */
export const secretsIn = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const name in planted) if (text.includes(planted[name as keyof typeof planted])) found.push(name)
  return found
}
