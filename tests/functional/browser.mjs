// A headless Chromium, driven over the DevTools protocol on its pipe (file descriptors 3 and 4), so that no port and no other program is
// needed. One page at a time; what the page logs, asks of the network and throws is collected.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { within } from './lib.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-extensions', '--mute-audio', '--hide-scrollbars', '--remote-debugging-pipe'];

function program() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of NAMES) {
    try {
      return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    } catch { /* the next name */ }
  }
  throw new Error(`no browser: install chromium, or name one in CHROMIUM`);
}

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), 'posw-chromium-'));
    browser.child = spawn(program(), [...ARGUMENTS, `--user-data-dir=${browser.profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    browser.stderr = '';
    browser.child.stderr.on('data', (text) => { browser.stderr = (browser.stderr + text).slice(-4000); });
    browser.ended = new Promise((done) => browser.child.once('exit', done));
    browser.child.once('exit', (code) => {
      for (const [, fail] of browser.waiting.values()) fail(new Error(`Chromium ended (${code}): ${browser.stderr}`));
    });
    browser.#listen();
    const { targetInfos } = await browser.send('Target.getTargets', {}, null);
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId: targetInfos.find((t) => t.type === 'page').targetId, flatten: true }, null);
    browser.session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`);
    return browser;
  }

  waiting = new Map();
  handlers = [];
  #number = 0;

  #listen() {
    let buffer = Buffer.alloc(0);
    this.child.stdio[3].on('error', () => {});
    this.child.stdio[4].on('data', (chunk) => {
      buffer = Buffer.concat([buffer, chunk]);
      for (let end; (end = buffer.indexOf(0)) >= 0; buffer = buffer.subarray(end + 1)) this.#message(JSON.parse(buffer.toString('utf8', 0, end)));
    });
  }

  #message(m) {
    if (m.id === undefined) {
      for (const handler of this.handlers) handler(m.method, m.params);
      return;
    }
    const [done, fail] = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    if (m.error) fail(new Error(m.error.message));
    else done(m.result);
  }

  send(method, params = {}, session = this.session) {
    const id = ++this.#number;
    const answer = new Promise((done, fail) => this.waiting.set(id, [done, fail]));
    this.child.stdio[3].write(JSON.stringify({ id, method, params, ...(session ? { sessionId: session } : {}) }) + '\0');
    return within(30_000, answer, `Chromium: ${method}`);
  }

  /** Opens a page in a scheme ('light', 'dark') and a size; collects { errors, requests } while it loads. */
  async open(url, { scheme = 'light', width = 1200, height = 900, scripts = true } = {}) {
    const seen = { errors: [], requests: [] };
    this.handlers = [(method, p) => {
      if (method === 'Runtime.exceptionThrown') seen.errors.push(p.exceptionDetails.exception?.description ?? p.exceptionDetails.text);
      if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(p.type)) seen.errors.push(p.args.map((a) => a.value ?? a.description).join(' '));
      if (method === 'Log.entryAdded' && ['error', 'warning'].includes(p.entry.level)) seen.errors.push(p.entry.text);
      if (method === 'Network.requestWillBeSent') seen.requests.push(p.request.url);
    }];
    await this.emulate({ scheme, width, height });
    const loaded = new Promise((done) => this.handlers.push((method) => { if (method === 'Page.loadEventFired') done(); }));
    await this.send('Emulation.setScriptExecutionDisabled', { value: !scripts });
    await this.send('Page.navigate', { url });
    await within(30_000, loaded, `opening ${url}`);
    if (scripts) await this.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    return seen;
  }

  /** Another scheme and size of the page that is open. */
  async emulate({ scheme, width, height }) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** The value of an expression on the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** The whole page as PNG, or its upper left part of a size. */
  async screenshot(file, size) {
    const clip = size && { x: 0, y: 0, ...size, scale: 1 };
    const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, ...(clip ? { clip } : {}) });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async stop() {
    await within(5_000, this.send('Browser.close', {}, null).then(() => this.ended), 'Chromium: its end').catch(() => this.child.kill('SIGKILL'));
    await this.ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }); // its children end a little later
  }
}
