/** The status codes that `fetch` follows to the response's `location`. */
export const REDIRECT_STATUS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
