const PRIVATE_IPV4 = /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const PRIVATE_IPV6 = /^\[?(::1(\]|$)|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;
const PRIVATE_NAME = /(^[^.]+|\.(localhost|local|internal|svc|test|lan|home\.arpa))\.?$/i;

/**
 * Whether a host cannot be on the public internet: a loopback, private or link-local address, a name without a dot
 * (`orders`), or a name below `.internal`, `.local`, `.localhost`, `.svc`, `.lan`, `.test`, `.home.arpa`.
 *
 * @param host A name, an IPv4 address, or an IPv6 address with or without brackets.
 */
export function isPrivateHost(host: string): boolean {
  if (host.includes(':')) return PRIVATE_IPV6.test(host);
  return IPV4.test(host) ? PRIVATE_IPV4.test(host) : PRIVATE_NAME.test(host);
}
