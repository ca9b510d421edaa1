import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { io } from 'socket.io-client';
import { root } from './run.mjs';
import { smallPng } from './small-png.mjs';

/**
 * `npm run screenshots`: the pictures of the README, from the chat of `examples/chat`. Names, texts and times are always the
 * same, so a picture changes only if the page does. Another folder than `docs/images` can be given.
 */
const FOLDER = join(root, process.argv[2] ?? 'docs/images');
const PORT = 3999;
const URL_OF_CHAT = `http://localhost:${PORT}`;
const START = Date.parse('2026-03-02T09:41:00Z');
const MINUTE = 60_000;

const PEOPLE = ['Grace', 'Lin', 'Noor', 'Mateo', 'Priya'];
const LOBBY = [
  ['Lin', 0, 'Morning! The staging server is back. Did anybody lose messages?'],
  ['Grace', 1, 'No. My window said “Reconnecting”, and then everything was there.'],
  ['Grace', 1, 'Even what I wrote while the server was down.'],
  ['Noor', 3, 'Same here, on the train. It went through two tunnels.'],
  ['Ada', 4, 'Good. Then we ship on Thursday.'],
  ['Ada', 4, 'The checklist is at https://wiki.example.com/release-checklist'],
  ['Mateo', 6, 'I’ll run the load test.\nTwo servers behind one proxy, one of them on Bun.'],
  ['Priya', 7, 'And I’ll unplug Redis in the middle of it. Somebody has to.'],
];

await build('build.mjs');
await build('build-chat.mjs');
await mkdir(FOLDER, { recursive: true });
const server = await startServer();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
});
try {
  const others = new Map();
  for (const name of PEOPLE) others.set(name, await enter(name, 'lobby', 'garden'));
  const page = await openPage('Ada');
  await page.getByRole('link', { name: 'Garden' }).click();
  await page.getByRole('button', { name: 'Join Garden' }).click();
  await page.getByText('6 here').waitFor();
  await page.getByRole('link', { name: 'Lobby' }).click();
  await page.getByText('6 here').waitFor();
  for (const [name, minute, text] of LOBBY) {
    await setTime(page, START + minute * MINUTE);
    if (name === 'Ada') await write(page, text);
    else others.get(name).say('lobby', text);
    await page
      .locator('.said.sent')
      .filter({ hasText: text.split('\n')[0] })
      .waitFor();
  }
  others.get('Lin').say('garden', 'The roses are out.');
  others.get('Noor').whisper('Ada', 'Do you have a minute?');
  await page.getByRole('link', { name: 'Garden 1 unread' }).waitFor();
  await page.getByRole('link', { name: 'Noor online 1 unread' }).waitFor();
  await page.mouse.move(0, 0);
  for (const [colorScheme, file] of [
    ['light', 'chat.png'],
    ['dark', 'chat-dark.png'],
  ]) {
    await page.emulateMedia({ colorScheme });
    others.get('Lin').type();
    await page.getByText('Lin is typing…').waitFor();
    await shoot(page, join(FOLDER, file));
  }
  for (const { socket } of others.values()) socket.disconnect();
} finally {
  await browser.close();
  server.kill();
}

async function build(script) {
  const [code] = await once(spawn(process.execPath, [join(root, 'scripts', script)], { stdio: 'inherit' }), 'exit');
  if (code !== 0) process.exit(1);
}

async function startServer() {
  const program = join(root, 'examples/chat/dist/server/main.js');
  const clock = new URL('fixed-clock.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', clock, program], {
    env: { ...process.env, PORT: `${PORT}`, HOST: 'localhost', REDIS_URL: '' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  child.send(START);
  const isReady = new Promise((resolve) => {
    child.stdout.on('data', (text) => {
      if (String(text).includes('The chat is ready')) resolve(undefined);
    });
  });
  const [code] = await Promise.race([isReady, once(child, 'exit')]).then((exit) => exit ?? []);
  if (code !== undefined) throw new Error(`The chat ended with code ${code}.`);
  return child;
}

/** The time on the server and on the page. */
async function setTime(page, time) {
  server.send(time);
  await page.clock.setFixedTime(time);
}

/** Somebody in these rooms, without a window. */
async function enter(name, ...rooms) {
  const response = await fetch(`${URL_OF_CHAT}/api/sign-in`, { method: 'POST', body: JSON.stringify({ name }) });
  const { token } = await response.json();
  const socket = io(URL_OF_CHAT, { path: '/io', auth: { token }, transports: ['websocket'], forceNew: true });
  socket.on('connect', () => socket.emit('authenticate'));
  await once(socket, 'welcome');
  await socket.emitWithAck('join', { rooms: rooms.map((room) => `room/${room}`) });
  let count = 0;
  const echo = () => {
    count += 1;
    return `${name}-${count}`;
  };
  return {
    socket,
    say: (room, text) => socket.emit('say', { echo: echo(), room, text }),
    whisper: (to, text) => socket.emit('whisper', { echo: echo(), to, text }),
    type: () => socket.emit('typing', { room: 'lobby', typing: true }),
  };
}

async function openPage(name) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.clock.setFixedTime(START);
  await page.goto(URL_OF_CHAT);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#composer:enabled').waitFor();
  return page;
}

async function write(page, text) {
  await page.locator('#composer').fill(text);
  await page.locator('#composer').press('Enter');
}

async function shoot(page, path) {
  const png = await page.screenshot({ caret: 'hide', animations: 'disabled' });
  // The page has a Content-Security-Policy, so an empty page decodes the picture.
  const decoder = await page.context().newPage();
  const { data, width, height } = await decoder.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = '';
    for (let at = 0; at < pixels.length; at += 8_192) text += String.fromCharCode(...pixels.subarray(at, at + 8_192));
    return { data: btoa(text), width: bitmap.width, height: bitmap.height };
  }, png.toString('base64'));
  await decoder.close();
  await writeFile(path, smallPng(Buffer.from(data, 'base64'), width, height));
  console.log(`Wrote ${path}`);
}
