import type { ILogger } from '../../src/common/types.js';

/** A logger that collects its lines, each as `level: text`. */
export class LogLines implements ILogger {
  readonly lines: string[] = [];
  debug = (line: string): void => this.#write('debug', line);
  info = (line: string): void => this.#write('info', line);
  warn = (line: string): void => this.#write('warn', line);
  error = (line: string): void => this.#write('error', line);

  /** The warnings and errors. */
  get loud(): string[] {
    return this.lines.filter((line) => line.startsWith('warn') || line.startsWith('error'));
  }

  #write(level: string, line: string): void {
    this.lines.push(`${level}: ${line}`);
  }
}
