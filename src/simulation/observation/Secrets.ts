/**
 * Secrets that are planted where real ones occur: in logs of a broken program, in the environment of its container, in
 * an event about it, in an alert's annotations, in an answer of a model, in the key of a peer, in the body of a peer's
 * error. None of them may leave the service, except the key in its header.
 *
 * A redactor can recognize each of them: no redactor finds a random word without a name that gives it away.
 */
export const planted = {
  /** The password in a URL that a crashing program logs. */
  databasePassword: "Hn7-quiet-otter",
  /** Beside its name in the same log. */
  paymentToken: "tok-4f0c88d1aa3e",
  /** A literal in the environment of each bad version, recognizable by its name. */
  containerPassword: "ember-Vault-77",
  /** In an event about the workload. */
  registryToken: "rt-77aa09c2d4e1",
  /** In an annotation of each alert. */
  annotationPassword: "winter-Barn-41",
  /** The value of another annotation, recognizable by its name. */
  namedAnnotation: "spruce Lamp 19",
  /** The `X-API-Key` of HolmesGPT. */
  holmesgptKey: "hk-9d1f6be07c52",
  /** The key that it accepts after a rotation. */
  holmesgptNextKey: "hk-52c7a0d4e91b",
  /** In the `detail` of HolmesGPT's errors, which exposes its internals. */
  holmesgptInternals: "sk-proj-4d3c2b1a0f9e8d7c6b5a"
} as const

/** The log of a crashing program. */
export const crashLog: ReadonlyArray<string> = [
  `level=info msg="starting"`,
  `level=debug msg="loaded configuration" DATABASE_URL=postgres://app:${planted.databasePassword}@db.prod.svc:5432/app PAYMENT_API_TOKEN=${planted.paymentToken}`,
  `level=error msg="relation \\"orders\\" has no column \\"coupon_code\\""`,
  `panic: schema version 41 is older than required version 42`
]

/** Annotations that people write in a hurry. */
export const annotations = {
  summary: "The rollout is stuck.",
  runbook: `psql postgres://oncall:${planted.annotationPassword}@db.prod.svc/app -c "select 1"`,
  oncall_password: planted.namedAnnotation
} as const

/** The environment of a container whose author does not use Secrets. */
export const environment = [{ name: "DB_PASSWORD", value: planted.containerPassword }] as const

/** The kubelet's message, which quotes a registry's refusal. */
export const eventMessage = `Failed to pull image: unauthorized: registry_token=${planted.registryToken} is not valid any more`

/** A root cause by a model that quotes secrets from the log and the environment. */
export const quoteSecrets = (cause: string): string =>
  `${cause} It logs in with postgres://app:${planted.databasePassword}@db.prod.svc:5432 and DB_PASSWORD=${planted.containerPassword}.`

/** The names of the secrets in a text. */
export const secretsIn = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const name in planted) if (text.includes(planted[name as keyof typeof planted])) found.push(name)
  return found
}
