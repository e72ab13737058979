/** The address of a remediation, for people who get a notification of it. */

/** How a sink links to remediations. */
export interface Linked {
  /** The address of the record of a remediation. Default: none is shown. */
  readonly link?: ((remediationId: string) => string) | undefined
}

/** Links below the address at which people reach the service, such as `https://kubernaut.example.com`. */
export const linkBelow = (publicUrl: string): NonNullable<Linked["link"]> => {
  const base = publicUrl.replace(/\/+$/, "")
  return (remediationId) => `${base}/api/v1/remediations/${encodeURIComponent(remediationId)}`
}
