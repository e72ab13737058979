/** An object in a query: `namespace/Kind/name`, or `Kind/name` for a kind without namespaces. Pure. */

import { Result } from "effect"
import type { ResourceRef } from "../domain/Target.ts"
import { find as findResource } from "../kubernetes/ApiResource.ts"

const form =
  "namespace/Kind/name, such as shop/Deployment/checkout, or Kind/name for a kind without namespaces, such as Node/worker-1"

/** The kind as Kubernetes writes it. At three in the morning `deployment` means Deployment. */
const spelled = (kind: string, kinds: ReadonlyArray<string>): string | undefined =>
  kinds.find((each) => each === kind) ?? kinds.find((each) => each.toLowerCase() === kind.toLowerCase())

const cut = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

/** The object that a text names, or what would be right. `kinds` are those that it may have. */
export const parseTarget = (text: string, kinds: ReadonlyArray<string>): Result.Result<ResourceRef, string> => {
  const parts = text.split("/")
  const [name = "", kindText = "", namespace = ""] = parts.toReversed()
  if (parts.length < 2 || parts.length > 3 || name === "" || kindText === "") return Result.fail(`Expected ${form}`)
  const kind = spelled(kindText, kinds)
  if (kind === undefined)
    return Result.fail(
      `${cut(kindText)} is no kind whose changes are recorded. Expected ${form}. Kinds: ${kinds.join(", ")}`
    )
  const isNamespaced = findResource(kind)?.namespaced ?? (kind === "Secret" ? true : undefined)
  if (isNamespaced === true && namespace === "")
    return Result.fail(`A ${kind} has a namespace: expected namespace/${kind}/${cut(name)}`)
  if (isNamespaced === false && namespace !== "")
    return Result.fail(`A ${kind} has no namespace: expected ${kind}/${cut(name)}`)
  return Result.succeed({ namespace, kind, name })
}

/** The kinds that a text names, separated by commas, or what would be right. */
export const parseKinds = (
  text: string,
  kinds: ReadonlyArray<string>
): Result.Result<ReadonlyArray<string>, string> => {
  const found: Array<string> = []
  for (const each of text.split(",").map((part) => part.trim())) {
    const kind = spelled(each, kinds)
    if (kind === undefined)
      return Result.fail(
        `${each === "" ? "An empty name" : cut(each)} is no kind whose changes are recorded. Expected one or more of ${kinds.join(", ")}, separated by commas`
      )
    if (!found.includes(kind)) found.push(kind)
  }
  return Result.succeed(found)
}
