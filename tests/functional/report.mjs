// A reporter for node's test runner: a line for each file, whatever failed in full, and what the tests had to say.
import { basename } from 'node:path';
import { inspect } from 'node:util';

const seconds = (ms) => (ms / 1000).toFixed(1).padStart(6) + ' s';

export default async function* report(source) {
  const files = new Map();
  const of = (data) => {
    const name = basename(data.file ?? '');
    if (!files.has(name)) files.set(name, { passed: 0, failed: 0, skipped: 0, ms: 0 });
    return files.get(name);
  };
  const failures = [];
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic' && data.nesting > 0) yield `  ${data.message}\n`;
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const file = of(data);
    if (data.nesting === 0) file.ms += data.details.duration_ms;
    if (type === 'test:fail') {
      const cause = data.details.error?.cause ?? data.details.error;
      if (data.details.type !== 'suite' || data.details.error?.failureType === 'hookFailed') failures.push(`${basename(data.file ?? '')}:${data.line ?? ''} ${data.name}\n${inspect(cause)}\n`);
    }
    if (data.details.type === 'suite') continue;
    if (data.skip !== undefined) file.skipped++;
    else if (type === 'test:pass') file.passed++;
    else file.failed++;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, f] of [...files].sort()) {
    yield `${name.padEnd(30)} ${String(f.passed).padStart(3)} passed${f.failed ? `, ${f.failed} FAILED` : ''}${f.skipped ? `, ${f.skipped} skipped` : ''} ${seconds(f.ms)}\n`;
    for (const key of Object.keys(total)) total[key] += f[key];
  }
  for (const failure of failures) yield `\nFAILED ${failure}`;
  yield `\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`;
}
