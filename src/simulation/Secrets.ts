/**
 * Secrets that are planted where real ones turn up: in what a broken program logs, in an alert's annotation, in the key to a peer, in the body of a
 * peer's error. None of them may leave the service but for the key, in the header that it is for.
 *
 * They are of shapes that a redactor can find: a bare random word beside no telling name is found by nobody.
 */
export const planted = {
  /** The password in a URL that a crashing program logs. */
  databasePassword: "Hn7-quiet-otter",
  /** Beside its name in the same log. */
  paymentToken: "tok-4f0c88d1aa3e",
  /** In an annotation of each alert. */
  annotationPassword: "winter-Barn-41",
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
  runbook: `psql postgres://oncall:${planted.annotationPassword}@db.prod.svc/app -c "select 1"`
} as const

/** The secrets that a text holds, by name. */
export const secretsIn = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const name in planted) if (text.includes(planted[name as keyof typeof planted])) found.push(name)
  return found
}
