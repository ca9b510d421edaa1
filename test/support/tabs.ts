import { chromium } from 'playwright-core';
import WebSocket from 'ws';
import { defer } from './cleanup.js';
import { EventLog, eventually, unusedPort, within } from './facts.js';

/** Playwright's defaults that keep hidden pages at full speed, and left pages out of the back-forward cache. */
const UNLIKE_USERS = [
  '--disable-back-forward-cache',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

export interface TabsOptions {
  /** Seconds after which a hidden page's timers may run once a minute. Default: 300, as in users' browsers. */
  readonly throttleAfter?: number;
}

/**
 * A Chromium whose tabs are really hidden, throttled and frozen. Playwright's own pages always count as visible, so these tabs are
 * controlled through Chromium's protocol alone. Closed with the test, or with the file if called outside of a test.
 */
export async function startTabs({ throttleAfter }: TabsOptions = {}): Promise<Tabs> {
  const port = await unusedPort();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    ignoreDefaultArgs: UNLIKE_USERS,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      `--remote-debugging-port=${port}`,
      ...(throttleAfter === undefined
        ? []
        : [`--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/${throttleAfter}`]),
    ],
  });
  defer(() => browser.close());
  const answer = await eventually(() => fetch(`http://127.0.0.1:${port}/json/version`), { timeout: 20_000 });
  const { webSocketDebuggerUrl } = (await answer.json()) as { webSocketDebuggerUrl: string };
  const socket = new WebSocket(webSocketDebuggerUrl);
  await within(new Promise((resolve) => socket.once('open', resolve)), 'a connection to Chromium');
  defer(() => socket.terminate());
  return new Tabs(new Protocol(socket));
}

type Params = Record<string, unknown>;
type OnEvent = (method: string, params: Params) => void;

/** @see https://chromedevtools.github.io/devtools-protocol/ */
class Protocol {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: { result?: unknown; error?: { message: string } }) => void>();
  readonly #sessions = new Map<string, OnEvent>();
  #last = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (text) => {
      const message = JSON.parse(String(text));
      if (message.id === undefined) this.#sessions.get(message.sessionId)?.(message.method, message.params);
      else this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
  }

  listen(sessionId: string, onEvent: OnEvent): void {
    this.#sessions.set(sessionId, onEvent);
  }

  send<T = unknown>(method: string, params: Params = {}, sessionId?: string): Promise<T> {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return within(answer, `an answer to ${method}`, 15_000);
  }
}

export class Tabs {
  readonly #protocol: Protocol;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  /** A new tab in front of the others, which are hidden by it. */
  async open(address: string): Promise<Tab> {
    const { targetId } = await this.#protocol.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#protocol.send<{ sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    const tab = new Tab(this.#protocol, targetId, sessionId);
    await tab.start(address);
    return tab;
  }
}

/** The page tells its own freezing, and when it is restored. */
const TELL = `
  globalThis.tell = (step, detail) => tellTest(JSON.stringify([step, detail]));
  document.addEventListener('freeze', () => tell('freeze'));
  addEventListener('pageshow', ({ persisted }) => tell('pageshow', persisted));
`;

export class Tab {
  /** What the page told: the arguments of its calls of `tell(step, detail)`. */
  readonly steps = new EventLog<readonly [step: string, detail: unknown]>();
  /** Everything that the page has sent: requests with their headers and bodies, and frames of WebSocket. */
  readonly sent: string[] = [];
  /** WebSockets that the page has begun to open. */
  opened = 0;
  readonly #protocol: Protocol;
  readonly #id: string;
  readonly #session: string;

  constructor(protocol: Protocol, id: string, session: string) {
    this.#protocol = protocol;
    this.#id = id;
    this.#session = session;
    protocol.listen(session, (method, params) => this.#onEvent(method, params));
  }

  async start(address: string): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Network']) await this.#send(`${domain}.enable`);
    await this.#send('Runtime.addBinding', { name: 'tellTest' });
    await this.#send('Page.addScriptToEvaluateOnNewDocument', { source: TELL });
    await this.goTo(address);
  }

  async goTo(address: string): Promise<void> {
    await this.#send('Page.navigate', { url: address });
  }

  /** Runs code in the page, also while that is frozen. */
  async run<T>(code: () => T | Promise<T>): Promise<T>;
  async run<T, A>(code: (argument: A) => T | Promise<T>, argument: A): Promise<T>;
  async run<T>(code: (argument?: unknown) => T | Promise<T>, argument?: unknown): Promise<T> {
    const expression = `(${code})(${JSON.stringify(argument)})`;
    const { result, exceptionDetails } = await this.#send<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`in the page: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /** Brings this tab to the front: it becomes visible, and thaws. */
  async show(): Promise<void> {
    await this.#protocol.send('Target.activateTarget', { targetId: this.#id });
  }

  /** Resolves once the page knows that another tab hides it. */
  async isHidden(): Promise<void> {
    await eventually(async () => (await this.run(() => document.visibilityState)) === 'hidden');
  }

  /** Stops the page's timers and events, as Chromium does to pages that are hidden for minutes. */
  async freeze(): Promise<void> {
    await this.#send('Page.setWebLifecycleState', { state: 'frozen' });
    await this.steps.next(([step]) => step === 'freeze');
  }

  async setOffline(offline: boolean): Promise<void> {
    await this.#send('Network.emulateNetworkConditions', {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  }

  #send<T = unknown>(method: string, params: Params = {}): Promise<T> {
    return this.#protocol.send<T>(method, params, this.#session);
  }

  #onEvent(method: string, params: Params): void {
    if (method === 'Runtime.bindingCalled') this.steps.push(JSON.parse(String(params.payload)));
    else if (method === 'Network.webSocketCreated') {
      this.opened += 1;
      this.sent.push(String(params.url));
    } else if (method === 'Network.webSocketFrameSent') this.sent.push(JSON.stringify(params.response));
    else if (/^Network\.(requestWillBeSent|webSocketWillSendHandshakeRequest)$/.test(method)) {
      this.sent.push(JSON.stringify(params.request));
    }
  }
}
