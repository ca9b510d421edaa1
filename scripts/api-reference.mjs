import { realpathSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RECORD, recordOf } from './api-record.mjs';
import { root, run } from './run.mjs';
import { toolsInstalled } from './tools-installed.mjs';

const SERVER_ENTRY = join(root, 'src/index.ts');
const CLIENT_ENTRY = join(root, 'src/client/index.ts');

/** What a reader looks for, in the order of the index. An export that is in no list comes under the last heading. */
const SECTIONS = [
  { title: 'The two helpers', names: ['SocketIOServerHelper', 'SocketIOClientHelper'] },
  { title: 'The other classes', names: ['SocketIOComponent', 'SocketIOEmitterHelper', 'RoomgateError'] },
  {
    title: 'Options of the server',
    names: [
      ...['TSocketIOServerOptions', 'ISocketIOServerBaseOptions', 'ISocketIOServerNodeOptions'],
      ...['ISocketIOServerBunOptions', 'TSocketIOAuthenticateFn', 'IHandshake', 'TSocketIOValidateRoomFn'],
      ...['TSocketIOClientConnectedFn', 'ILimits', 'DEFAULT_LIMITS', 'ILogger', 'Report', 'ReportOf'],
    ],
  },
  {
    title: 'Options of the component',
    names: [
      ...['ISocketIOComponentOptions', 'ISocketIOCorsOptions', 'TOrigin', 'TOriginFn'],
      ...['TServerSource', 'TServerHolder', 'IHttpServerLike'],
    ],
  },
  {
    title: 'Options and status of the client',
    names: [
      ...['ISocketIOClientOptions', 'IOptions', 'TCredentials', 'TCredentialsReason', 'IQueueOptions', 'IWaitOptions'],
      ...['ISocketIOClientStatus', 'SocketIOClientStatuses', 'TSocketIOClientStatus'],
    ],
  },
  {
    title: 'Redis',
    names: [
      ...['RedisHelper', 'IRedisHelperOptions', 'RedisClusterHelper', 'IRedisClusterHelperOptions'],
      ...['DefaultRedisHelper', 'IRedisHelperCallbacks', 'IRedisConnectionLike', 'IRedisClientLike'],
      ...['ISocketIOEmitterOptions', 'IEmitterMessage', 'EmitterReport'],
    ],
  },
  {
    title: 'What travels',
    names: [
      ...['SocketIOConstants', 'IRoomsRequest', 'IJoinAnswer', 'ILeaveAnswer', 'IRefusedRoom'],
      ...['IAuthenticatedMessage', 'IUnauthenticatedMessage', 'IPingMessage', 'IComeBackMessage'],
      ...['TRoomErrorCode', 'TUnauthenticatedCode', 'TRoomgateErrorCode'],
    ],
  },
  { title: 'Other types and constants', names: [] },
];

const INTRODUCTION = `# API reference

Every name that the package exports. It is made from the comments in the sources by \`npm run api\`; the files in this folder are not
edited by hand. What the classes are for is told in the [README](../../README.md), what travels in [protocol.md](../protocol.md).

Everything is imported from \`roomgate\`. What is marked "client" is exported by \`roomgate/client\` too, which loads nothing but
\`socket.io-client\` and so is the one for browsers.
`;

const OPTIONS = {
  ...{ name: 'API reference', readme: 'none', disableSources: true, hideGenerator: true, logLevel: 'Warn' },
  ...{ excludePrivate: true, excludeInternal: true, excludeExternals: true, githubPages: false },
  // The order of the sources is the order of use: `configure` comes before `shutdown`.
  sort: ['source-order'],
  ...{ flattenOutputFiles: true, hidePageHeader: true, hideGroupHeadings: false, expandParameters: false },
  ...{ parametersFormat: 'table', interfacePropertiesFormat: 'table', typeDeclarationFormat: 'table' },
  ...{ typeAliasPropertiesFormat: 'table', classPropertiesFormat: 'table', propertyMembersFormat: 'table' },
  tableColumnSettings: { hideInherited: true, hideOverrides: true },
};

/**
 * Writes the reference into `folder`, from which whatever is there goes. Resolves to the names of the exports. What was built last
 * has to be what the sources are: its hash goes into the record.
 */
export async function writeReference(folder) {
  const home = await toolsInstalled('api-reference');
  const load = (path) => import(pathToFileURL(join(home, 'node_modules', path)).href);
  const { Application } = await load('typedoc/dist/index.js');
  const plugin = join(home, 'node_modules/typedoc-plugin-markdown/dist/index.js');
  const app = await Application.bootstrapWithPlugins({
    ...{ entryPoints: [SERVER_ENTRY], tsconfig: join(root, 'tsconfig.json'), plugin: [plugin] },
    ...OPTIONS,
  });
  const [entry] = app.getEntryPoints() ?? [];
  const project = entry === undefined ? undefined : await app.convert();
  if (project === undefined) throw new Error('the sources could not be read');
  await rm(folder, { recursive: true, force: true });
  await app.outputs.writeOutput({ name: 'markdown', path: folder }, project);
  if (app.logger.hasErrors()) throw new Error('the reference could not be made');
  await nameAfterExports(folder);
  const ofClient = exportsOf(entry.program, CLIENT_ENTRY);
  const exported = new Map(project.children.map((child) => [child.name, summaryOf(child)]));
  const missing = [...ofClient].filter((name) => !exported.has(name));
  if (missing.length > 0) throw new Error(`roomgate/client exports what roomgate does not: ${missing.join(', ')}`);
  await writeFile(join(folder, 'README.md'), indexOf(exported, ofClient));
  await writeFile(join(folder, RECORD), `${JSON.stringify(await recordOf(folder), null, 2)}\n`);
  return [...exported.keys()];
}

/** `Class.RedisHelper.md` becomes `RedisHelper.md`: a page is found by the name that the program has, and stays where it is. */
async function nameAfterExports(folder) {
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'utf8');
    await rm(join(folder, name));
    const linked = text.replace(/\]\([A-Z]\w+\.(\w+\.md)/g, ']($1').replace(/\s*$/, '\n');
    await writeFile(join(folder, name.replace(/^[A-Z]\w+\.(?=\w+\.md$)/, '')), linked);
  }
}

function exportsOf(program, file) {
  const checker = program.getTypeChecker();
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(file));
  return new Set(checker.getExportsOfModule(symbol).map(({ name }) => name));
}

/** The first sentence of its comment, or of its call's. */
function summaryOf(reflection) {
  const { comment } = reflection.comment === undefined ? (reflection.signatures?.[0] ?? reflection) : reflection;
  const text = (comment?.summary ?? []).map((part) => part.text).join('');
  const [first = ''] = /^.+?[.:](?=\s|$)/s.exec(text) ?? [text];
  return first.replace(/\s+/g, ' ').replace(/:$/, '.').replaceAll('|', '\\|').trim();
}

function indexOf(exported, ofClient) {
  const sorted = new Set(SECTIONS.flatMap(({ names }) => names));
  const unknown = [...sorted].filter((name) => !exported.has(name));
  if (unknown.length > 0)
    throw new Error(`scripts/api-reference.mjs sorts what is not exported: ${unknown.join(', ')}`);
  const others = [...exported.keys()].filter((name) => !sorted.has(name)).sort();
  const row = (name) => `| [\`${name}\`](${name}.md) | ${exported.get(name)} | ${ofClient.has(name) ? 'client' : ''} |`;
  const sections = SECTIONS.map(({ title, names }) => {
    const rows = (names.length === 0 ? others : names).map(row);
    return [`## ${title}`, '', '| name | what it is | |', '|---|---|---|', ...rows].join('\n');
  });
  return `${[INTRODUCTION.trimEnd(), ...sections].join('\n\n')}\n`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = resolve(process.argv[2] ?? join(root, 'docs/api'));
  const { ok } = await run(process.execPath, [join(root, 'scripts/build.mjs')]);
  if (!ok) throw new Error('the sources do not compile');
  console.log(`${(await writeReference(folder)).length} exports in ${folder}`);
}
