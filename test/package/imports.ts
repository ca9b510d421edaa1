import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

/** One module imports another. */
export interface Arrow {
  /** Path under `src`, such as `server/gate.ts`. */
  readonly from: string;
  /** A path under `src`, or a bare specifier such as `node:net` and `socket.io`. */
  readonly to: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
}

interface AstNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Every TypeScript source under `src`, by its path there. */
export function sources(): Map<string, string> {
  const folder = join(projectFolder, 'src');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((file) => {
      const path = join(file.parentPath, file.name);
      return [path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')];
    }),
  );
}

/** All modules that a module imports: static, dynamic, as a type, by `require`. Throws if it does not parse. */
export function arrowsOf(from: string, code: string): Arrow[] {
  const { program, errors } = parseSync(from, code);
  if (errors.length > 0) throw new Error(`${from} does not parse: ${errors[0]?.message}`);
  const arrows: Arrow[] = [];
  walk(program as unknown as AstNode, (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) arrows.push({ from, to: targetOf(from, specifier), typeOnly: isTypeOnly(node) });
  });
  return arrows;
}

function walk(node: AstNode, visit: (node: AstNode) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit);
  }
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function specifierOf(node: AstNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return textOf(node.source);
    case 'TSExternalModuleReference':
      return textOf(node.expression);
    case 'CallExpression':
      return isRequire(node.callee) ? textOf((node.arguments as unknown[])[0]) : undefined;
    default:
      return undefined;
  }
}

/** `require(…)`, `module.require(…)` and `createRequire(…)(…)`. A computed name cannot be resolved, so it is marked as computed. */
function isRequire(callee: unknown): boolean {
  if (!isNode(callee)) return false;
  if (callee.type === 'Identifier') return callee.name === 'require';
  if (callee.type === 'MemberExpression') return isNode(callee.property) && callee.property.name === 'require';
  return callee.type === 'CallExpression' && isNode(callee.callee) && callee.callee.name === 'createRequire';
}

function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  // `'name' as string`, which keeps a package's types out.
  if (node.type === 'TSAsExpression') return textOf(node.expression);
  return typeof node.value === 'string' ? node.value : '(computed)';
}

/** `import { type A }` counts as a value: it keeps an `import {}`, so that the module is loaded. */
function isTypeOnly(node: AstNode): boolean {
  return node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type';
}

function targetOf(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.join(dirname(from), specifier).replace(/\.js$/, '.ts');
}
