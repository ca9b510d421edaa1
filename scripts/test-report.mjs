import { writeFileSync } from 'node:fs';

/**
 * Vitest's result in short form, as JSON in the file that ROOMGATE_TEST_REPORT names: the numbers of passed and
 * skipped tests, and each failure with its project, as a test can run in several. Vitest's own JSON does not contain
 * the project.
 */
export default class TestReport {
  /** @param {ReadonlyArray<import('vitest/node').TestModule>} modules */
  onTestRunEnd(modules, errorsOutside) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state) => tests.filter((test) => test.result().state === state).length;
    const failures = modules.flatMap(failuresOf);
    failures.push(...errorsOutside.map((error) => `An error outside of the tests\n${inWords(error)}`));
    const result = { passed: count('passed'), skipped: count('skipped'), failures };
    writeFileSync(process.env.ROOMGATE_TEST_REPORT, JSON.stringify(result));
  }
}

function failuresOf(module) {
  const parts = [...module.children.allSuites(), ...module.children.allTests()];
  const errorsOf = (part) => (part.type === 'test' ? part.result().errors : part.errors()) ?? [];
  const told = (name, errors) => (errors.length > 0 ? [`${where} ${name}\n${errors.map(inWords).join('\n')}`] : []);
  const where = `[${module.project.name}] ${module.relativeModuleId}`;
  return [...told('', module.errors()), ...parts.flatMap((part) => told(part.fullName, errorsOf(part)))];
}

function inWords({ name = 'Error', message, diff, stacks = [] }) {
  const places = stacks.map(({ file, line }) => `    at ${file}:${line}`);
  return [`${name}: ${message}`, ...(diff === undefined ? [] : [diff]), ...places].join('\n');
}
