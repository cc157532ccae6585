import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Node, parseSync, type Statement } from 'oxc-parser';

/** Where a name comes from: another file, or this one. */
interface Origin {
  readonly from?: string | undefined;
  /** `*`: everything that the file exports. */
  readonly name: string;
  readonly type: boolean;
}

/** A file of types, taken apart. */
interface Module {
  readonly exported: Map<string, Origin>;
  readonly imported: Map<string, Origin>;
  /** By name; overloads are several. */
  readonly declared: Map<string, Statement[]>;
  /** `declare module 'fastify' { … }`: in force as soon as the file is loaded. */
  readonly augmented: Statement[];
  /** The code of a node, without comments. */
  readonly code: (node: Node) => string;
}

/** What some entry points declare: their names, and every declaration that a user of them comes to see. */
export class ExportedTypes {
  readonly #modules = new Map<string, Module>();
  readonly #seen = new Set<string>();
  readonly #declarations: { readonly name: string; readonly code: string }[] = [];

  /** Adds the entry point whose types are in `file`; returns its names, with `type` before one that only types may use. */
  add(file: string): string[] {
    this.#exports(file, '*');
    return [...this.#module(file).exported].map(([name, { type }]) => (type ? `type ${name}` : name)).sort();
  }

  /** The declarations of all entry points, each once, sorted by name. */
  get declarations(): string[] {
    return this.#declarations
      .sort((a, b) => (a.name < b.name || (a.name === b.name && a.code < b.code) ? -1 : 1))
      .map(({ code }) => code);
  }

  #module(file: string): Module {
    let module = this.#modules.get(file);
    if (module === undefined) {
      module = readModule(file);
      this.#modules.set(file, module);
      for (const node of module.augmented) this.#take(file, module.code(node), node);
    }
    return module;
  }

  #exports(file: string, name: string): void {
    const { exported } = this.#module(file);
    for (const origin of name === '*' ? exported.values() : [exported.get(name)]) this.#follow(file, origin);
  }

  #follow(file: string, origin: Origin | undefined): void {
    if (origin?.from === undefined) {
      if (origin !== undefined) this.#local(file, origin.name);
    } else if (origin.from.startsWith('.')) {
      this.#exports(join(dirname(file), origin.from).replace(/(\.d)?\.ts$/, '.d.ts'), origin.name);
    }
  }

  #local(file: string, name: string): void {
    const { declared, imported } = this.#module(file);
    for (const node of declared.get(name) ?? []) this.#take(file, name, node);
    this.#follow(file, imported.get(name));
  }

  #take(file: string, name: string, node: Statement): void {
    const key = `${file}:${node.start}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#declarations.push({ name, code: this.#module(file).code(node) });
    for (const inner of nodesIn(node)) {
      if (inner.type === 'Identifier') this.#local(file, inner.name);
      if (inner.type === 'TSImportType')
        this.#follow(file, { from: inner.source.value, name: importedName(inner.qualifier), type: true });
    }
  }
}

function readModule(file: string): Module {
  const text = readFileSync(file, 'utf8');
  const { program, comments } = parseSync(file, text);
  const module: Module = {
    exported: new Map(),
    imported: new Map(),
    declared: new Map(),
    augmented: [],
    code({ start, end }) {
      let code = text.slice(start, end);
      for (const comment of comments.toReversed())
        if (comment.start >= start && comment.end <= end)
          code = code.slice(0, comment.start - start) + code.slice(comment.end - start);
      return code
        .replace(/^export /, '')
        .replace(/^declare (?!module)/, '')
        .replace(/\n\s*(?=\n)/g, '');
    },
  };
  for (const node of program.body) takeApart(node, module);
  return module;
}

function takeApart(node: Statement, { exported, imported, declared, augmented }: Module): void {
  if (node.type === 'ImportDeclaration') {
    for (const specifier of node.specifiers) {
      const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : '*';
      imported.set(specifier.local.name, { from: node.source.value, name, type: true });
    }
  } else if (node.type === 'ExportAllDeclaration' && node.exported !== null) {
    exported.set(nameOf(node.exported), { from: node.source.value, name: '*', type: false });
  } else if (node.type === 'ExportNamedDeclaration' && node.declaration === null) {
    for (const { local, exported: as, exportKind } of node.specifiers)
      exported.set(nameOf(as), {
        from: node.source?.value,
        name: nameOf(local),
        type: node.exportKind === 'type' || exportKind === 'type',
      });
  } else if (node.type === 'TSModuleDeclaration') {
    augmented.push(node);
  } else {
    const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    for (const name of declaredNames(declaration)) {
      declared.set(name, [...(declared.get(name) ?? []), node]);
      const type = /^TS(Interface|TypeAlias)/.test(declaration?.type ?? '');
      if (node !== declaration) exported.set(name, { name, type });
    }
  }
}

function declaredNames(node: Node | null): string[] {
  if (node?.type === 'VariableDeclaration')
    return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
  if (node !== null && 'id' in node && node.id?.type === 'Identifier') return [node.id.name];
  throw new Error(`${node?.type}: name what is exported, one by one`);
}

function nameOf(node: { readonly name: string } | { readonly value: unknown }): string {
  return 'name' in node ? node.name : String(node.value);
}

/** `A` of `import('./a.ts').A<B>` and of `import('./a.ts').A.B`. */
function importedName(qualifier: Node | null): string {
  const names = [...nodesIn(qualifier)].flatMap((node) => (node.type === 'Identifier' ? [node.name] : []));
  return names[0] ?? '*';
}

function* nodesIn(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value) yield value as Node;
  for (const child of Object.values(value)) yield* nodesIn(child);
}
