import { expect } from 'vitest';

/** One numbered scenario of `docs/protocol.md`. */
export interface Scenario {
  /** `H1`, `U12`, `S3`. */
  readonly number: string;
  readonly title: string;
  /** The server's options, as JSON. */
  readonly options: string;
  /** Each starts with `→`, `←` or `—`, and a space. */
  readonly lines: readonly string[];
}

const HEADING = /^#### ([A-Z]\d+): (.+)$/m;
const ID = /^[\w-]{20}$/;

/** The scenarios of a document, in order. Throws if one has no frames. */
export function scenariosIn(markdown: string): readonly Scenario[] {
  const [, ...parts] = markdown.split(/^(?=#### [A-Z]\d+: )/m);
  return parts.map((part) => {
    const [, number = '', title = ''] = HEADING.exec(part) ?? [];
    const [, options = '{}'] = /^`OPTIONS`: `(.+)`$/m.exec(part) ?? [];
    const [, frames] = /^```text\n(.*?)\n```$/ms.exec(part) ?? [];
    if (frames === undefined) throw new Error(`${number} has no frames`);
    return { number, title, options, lines: frames.split('\n') };
  });
}

/** The lines of a scenario, with the scenarios that it builds on expanded. */
export function linesOf(number: string, scenarios: readonly Scenario[]): string[] {
  const found = scenarios.find((scenario) => scenario.number === number);
  if (found === undefined) throw new Error(`there is no scenario ${number}`);
  return found.lines.flatMap((line) => {
    const [, base] = /^— as (\w+)$/.exec(line) ?? [];
    return base === undefined ? [line] : ['— ids of their own', ...linesOf(base, scenarios)];
  });
}

/** Expands the placeholders for long values. */
export function writtenOut(frame: string): string {
  return frame
    .replace(/<lists, (\d+) levels deep>/g, (_, levels) => '['.repeat(Number(levels)) + ']'.repeat(Number(levels)))
    .replace(/<a string of (\d+) characters>/g, (_, length) => 'x'.repeat(Number(length)))
    .replace(/"<(\d+) rooms>"/g, (_, count) =>
      Array.from({ length: Number(count) }, (__, index) => `"public/${index}"`).join(),
    );
}

/** The values of a scenario's placeholders, once they are known. */
export class Names {
  readonly #ids = new Map<string, string>();

  forget(): void {
    this.#ids.clear();
  }

  /** The frame with every placeholder replaced; `invent` returns a value for unknown ones. */
  fill(frame: string, invent?: () => string): string {
    return writtenOut(frame).replace(/<(\w+)>/g, (_, name: string) => {
      if (name === 'time') return new Date().toISOString();
      const known = this.#ids.get(name) ?? invent?.();
      if (known === undefined) throw new Error(`<${name}> is not known yet: ${frame}`);
      this.#ids.set(name, known);
      return known;
    });
  }

  /** Checks that a message matches the document, in any order of keys. Learns the ids in it. */
  expectFrame(actual: string | Buffer, expected: string): void {
    const [, bytes] = /^<bytes ([\da-f ]+)>$/.exec(expected) ?? [];
    if (bytes !== undefined) {
      expect(actual).toEqual(Buffer.from(bytes.replaceAll(' ', ''), 'hex'));
      return;
    }
    const [wanted, given] = [split(writtenOut(expected)), split(String(actual))];
    const mismatch = `${String(actual).slice(0, 500)} instead of ${expected}`;
    expect(given.head, mismatch).toBe(wanted.head);
    this.expectValue(given.body, wanted.body, mismatch);
  }

  expectValue(actual: unknown, expected: unknown, mismatch?: string): void {
    expect(actual, mismatch).toEqual(this.#pattern(actual, expected));
  }

  /** The expected value, with each placeholder replaced by the actual value beside it if that is valid for it. */
  #pattern(actual: unknown, expected: unknown): unknown {
    if (typeof expected === 'string') return this.#fits(actual, expected) ? actual : expected;
    if (typeof expected !== 'object' || expected === null) return expected;
    const beside = (key: string): unknown => (Object(actual) as Readonly<Record<string, unknown>>)[key];
    const entries = Object.entries(expected).map(([key, value]) => [key, this.#pattern(beside(key), value)] as const);
    return Array.isArray(expected) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  }

  #fits(actual: unknown, expected: string): boolean {
    const [, name] = /^<(\w+)>$/.exec(expected) ?? [];
    if (name === 'ms') return typeof actual === 'number' && actual > 0;
    if (name === undefined || typeof actual !== 'string') return false;
    if (name === 'message') return actual !== '';
    if (name === 'time') return isTime(actual);
    const known = this.#ids.get(name);
    if (known !== undefined) return actual === known;
    // Different placeholders have different ids.
    if (!ID.test(actual) || [...this.#ids.values()].includes(actual)) return false;
    this.#ids.set(name, actual);
    return true;
  }
}

function isTime(text: string): boolean {
  return !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text;
}

/** `4217["join",{}]`: the text before the JSON, and the JSON. */
function split(frame: string): { head: string; body: unknown } {
  const [, head = '', body = ''] = /^([^[{]*)(.*)$/s.exec(frame) ?? [];
  return { head, body: body === '' ? undefined : JSON.parse(body) };
}
