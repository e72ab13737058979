/** Bookmarks: the events of a watch that say how far it has come. */

import type { KubernetesObject, WatchEvent } from "./KubernetesClient.ts"

/** The bookmark of a watch that has come to a version. */
export const bookmark = (
  { apiVersion, kind }: Pick<KubernetesObject, "apiVersion" | "kind">,
  resourceVersion: string
): WatchEvent => ({ type: "BOOKMARK", object: { apiVersion, kind, metadata: { name: "", uid: "", resourceVersion } } })
