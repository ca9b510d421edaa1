import { realpathSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RECORD, recordOf } from './api-record.mjs';
import { root, run } from './run.mjs';
import { toolsInstalled } from './tools-installed.mjs';

const SERVER_ENTRY = join(root, 'src/index.ts');
const CLIENT_ENTRY = join(root, 'src/client/index.ts');

/** The sections of the index, in their order. Exports without a section are in the last one. */
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
    title: 'Types of events',
    names: [
      ...[
        'TEventsMap',
        'TLooseEvents',
        'TListenTopic',
        'THandlerOf',
        'THandlers',
        'ISubscription',
        'TTopic',
        'TPayload',
      ],
      ...['TEmitTopic', 'IEmission', 'TDataOf', 'TRequestTopic', 'TAnswer', 'IRequest', 'TMessage', 'ISendOptions'],
      ...['TServerTopic', 'TServerHandlerOf', 'IClientEvents', 'IServerEvents'],
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
    title: 'Messages and codes',
    names: [
      ...['SocketIOConstants', 'IRoomsRequest', 'IJoinAnswer', 'ILeaveAnswer', 'IRefusedRoom'],
      ...['IAuthenticatedMessage', 'IUnauthenticatedMessage', 'IPingMessage', 'IComeBackMessage'],
      ...['TRoomErrorCode', 'TUnauthenticatedCode', 'TRoomgateErrorCode'],
    ],
  },
  { title: 'Other types and constants', names: [] },
];

const INTRODUCTION = `# API reference

Every name that the package exports. \`npm run api\` writes these pages from the comments in the sources; don't edit them by hand.
The [README](../../README.md) introduces the classes, [options.md](../options.md) lists all options, and [protocol.md](../protocol.md)
describes the messages.

Import every name from \`roomgate\`. Names marked "client" are also exported by \`roomgate/client\`, which loads only
\`socket.io-client\` and therefore suits browsers.
`;

const OPTIONS = {
  ...{ name: 'API reference', readme: 'none', disableSources: true, hideGenerator: true, logLevel: 'Warn' },
  ...{ excludePrivate: true, excludeInternal: true, excludeExternals: true, githubPages: false },
  // The sources are in the order of use: `configure` comes before `shutdown`.
  sort: ['source-order'],
  ...{ flattenOutputFiles: true, hidePageHeader: true, hideGroupHeadings: false, expandParameters: false },
  ...{ parametersFormat: 'table', interfacePropertiesFormat: 'table', typeDeclarationFormat: 'table' },
  ...{ typeAliasPropertiesFormat: 'table', classPropertiesFormat: 'table', propertyMembersFormat: 'table' },
  tableColumnSettings: { hideInherited: true, hideOverrides: true },
};

/**
 * Writes the reference into `folder` and removes its earlier contents. Resolves to the names of the exports. Build the sources
 * first, because the record contains a hash of the build.
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
  if (missing.length > 0)
    throw new Error(`roomgate does not export these names of roomgate/client: ${missing.join(', ')}`);
  await writeFile(join(folder, 'README.md'), indexOf(exported, ofClient));
  await writeFile(join(folder, RECORD), `${JSON.stringify(await recordOf(folder), null, 2)}\n`);
  return [...exported.keys()];
}

/** Renames `Class.RedisHelper.md` to `RedisHelper.md`, so that a page keeps its place if a class becomes an interface. */
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

/** The first sentence of its comment, or of the comment of its signature. */
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
    throw new Error(`scripts/api-reference.mjs lists names that are not exported: ${unknown.join(', ')}`);
  const others = [...exported.keys()].filter((name) => !sorted.has(name)).sort();
  const row = (name) => `| [\`${name}\`](${name}.md) | ${exported.get(name)} | ${ofClient.has(name) ? 'client' : ''} |`;
  const sections = SECTIONS.map(({ title, names }) => {
    const rows = (names.length === 0 ? others : names).map(row);
    return [`## ${title}`, '', '| name | description | |', '|---|---|---|', ...rows].join('\n');
  });
  return `${[INTRODUCTION.trimEnd(), ...sections].join('\n\n')}\n`;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = resolve(process.argv[2] ?? join(root, 'docs/api'));
  const { ok } = await run(process.execPath, [join(root, 'scripts/build.mjs')]);
  if (!ok) throw new Error('the sources do not compile');
  console.log(`${(await writeReference(folder)).length} exports in ${folder}`);
}
