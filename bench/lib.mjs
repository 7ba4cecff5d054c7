// What the benchmarks in JavaScript share: options, goals, and the programs of the tests.
//
// A goal ends a line of the output, `   goal 10 ms or less   met` or MISSED; tools/bench lists those lines at its end. Exit codes: 0; 1 when a goal
// is missed; 2 when it could not measure.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** --name VALUE of the command line. */
export function value(name, usual) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? usual : process.argv[at + 1];
}

process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(2);
});

export const BUILD = resolve(value('build', join(dirname(fileURLToPath(import.meta.url)), '../build')));
process.env.POSW = join(BUILD, 'posw');
// After POSW is set: they look for it when they are loaded.
export const lib = await import('../tests/functional/lib.mjs');
export const network = await import('../tests/functional/network.mjs');

let missed = false;

/** Prints `line`, what was to be reached and whether it was. */
export function goal(line, words, met) {
  console.log(`${line}   goal ${words}   ${met ? 'met' : 'MISSED'}`);
  missed ||= !met;
}

/** The last call. */
export const end = () => process.exit(missed ? 1 : 0);

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
