/** Matches a mount path as a router of Express 5 does. */
export type LayerMatcher = (path: string) => false | LayerMatch;

export interface LayerMatch {
  readonly path: string;
  readonly params: { readonly [name: string]: unknown };
}
