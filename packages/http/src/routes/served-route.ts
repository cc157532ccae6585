/** A route's template, or the template of the mount path whose handler answered, which `setRoute` overrides. */
export type ServedRoute = string | { readonly mount: string } | undefined;
