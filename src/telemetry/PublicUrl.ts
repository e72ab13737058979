/** Addresses as logs and reports may show them. */

/** The address without user, password, query and fragment, which may contain credentials. */
export const publicUrl = (address: string): string => {
  const url = URL.parse(address)
  if (url === null) return address
  return url.username + url.password + url.search + url.hash === "" ? address : `${url.origin}${url.pathname}`
}
