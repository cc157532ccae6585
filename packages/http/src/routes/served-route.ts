/** A route's template, or that of the mount path whose handler answered: a `setRoute` is more exact than the second. */
export type ServedRoute = string | { readonly mount: string } | undefined;
