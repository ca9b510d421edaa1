import { ANSWERS, ROOMS, THROWN, UNAUTHENTICATED } from './texts.mjs';

/** A line before each table, so that it is found on its page. */
const markOf = (name) => `<!-- npm run errors: ${name} -->`;
const yesNo = (value) => (value ? 'yes' : 'no');

/** Refused rooms that the client asks for again while it is connected. */
const REPEATED = ['guard_failed', 'cluster_unanswered', 'timeout'];

function table(heads, rows) {
  const lines = [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n').replaceAll('| --- ', '|---').replaceAll('|--- |', '|---|');
}

function roomsClient(code, retryable) {
  const { client } = ROOMS[code];
  if (client !== undefined) return client;
  if (!retryable) return 'forgets the room';
  const more = REPEATED.includes(code) ? ', and up to 4 times more on that connection' : '';
  return `asks again after the next reconnect${more}`;
}

/** The tables by page and name. `errors`: the module src/protocol/errors.ts, or its build. */
export function tablesOf(errors) {
  const { ROOMGATE_CODES, UNAUTHENTICATED_ERRORS, ROOM_ERRORS, ANSWER_ERRORS } = errors;
  const unauthenticated = Object.entries(UNAUTHENTICATED_ERRORS);
  const rooms = Object.entries(ROOM_ERRORS);
  const answers = Object.entries(ANSWER_ERRORS);
  const whose = (code) => (errors.isTemporary(code) ? 'yes' : errors.isRenewable(code) ? 'once' : 'no');
  return {
    'docs/errors.md': {
      thrown: table(
        ['code', 'where', 'meaning', 'fix'],
        ROOMGATE_CODES.map((code) => [`\`${code}\``, THROWN[code].where, THROWN[code].meaning, THROWN[code].fix]),
      ),
      answers: table(
        ['code', 'retryable', 'may have run', 'text', 'meaning', 'fix'],
        answers.map(([code, { text, retryable, mayHaveRun }]) => [
          ...[`\`${code}\``, yesNo(retryable), yesNo(mayHaveRun), text, ANSWERS[code].meaning, ANSWERS[code].fix],
        ]),
      ),
      unauthenticated: table(
        ['code', 'retryable', 'text', 'meaning', 'fix', 'the client helper'],
        unauthenticated.map(([code, { text }]) => {
          const { meaning, fix, client } = UNAUTHENTICATED[code];
          return [`\`${code}\``, whose(code), text, meaning, fix, client];
        }),
      ),
      rooms: table(
        ['code', 'retryable', 'text', 'meaning', 'fix', 'the client helper'],
        rooms.map(([code, { text, retryable }]) => {
          const { meaning, fix } = ROOMS[code];
          return [`\`${code}\``, yesNo(retryable), text, meaning, fix, roomsClient(code, retryable)];
        }),
      ),
    },
    'docs/protocol.md': {
      unauthenticated: table(
        ['code', 'reconnect', 'meaning'],
        unauthenticated.map(([code]) => [`\`${code}\``, whose(code), UNAUTHENTICATED[code].wire]),
      ),
      rooms: table(
        ['code', 'retryable', 'meaning'],
        rooms
          .filter(([code]) => ROOMS[code].wire !== undefined)
          .map(([code, { retryable }]) => [`\`${code}\``, yesNo(retryable), ROOMS[code].wire]),
      ),
      answers: table(
        ['code', 'retryable', 'may have run', 'meaning'],
        answers.map(([code, { retryable, mayHaveRun }]) => [
          ...[`\`${code}\``, yesNo(retryable), yesNo(mayHaveRun), ANSWERS[code].wire],
        ]),
      ),
    },
  };
}

/** The page with these tables in place of those after their marks. Throws if a mark is missing. */
export function withTables(page, tables) {
  let text = page;
  for (const [name, made] of Object.entries(tables)) {
    const [before, after] = text.split(`${markOf(name)}\n`);
    if (after === undefined) throw new Error(`the page has no line ${markOf(name)}`);
    text = `${before}${markOf(name)}\n\n${made}\n${after.replace(/^\n*(?:\|.*\n)*/, '')}`;
  }
  return text;
}
