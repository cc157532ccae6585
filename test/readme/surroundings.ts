/**
 * The types of names that READMEs use without declaring them, because their readers have them already.
 *
 * By README first, then by name; `*` holds for all.
 */
export const SURROUNDINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '*': {
    stock: 'string',
    url: 'string',
    app: "import('express').Express",
    router: "import('@koa/router').default",
  },
};
