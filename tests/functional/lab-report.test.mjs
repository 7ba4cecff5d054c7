// The web pages of `posw lab --html`, opened in a real browser: charts are drawn, in both schemes and on a phone's screen; nothing is
// complained of, no other host is asked, and what a person wrote into a chain's name stays text.
// SCREENSHOTS=FOLDER keeps pictures of every page.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Browser } from './browser.mjs';
import { POSW } from './lib.mjs';

const folder = mkdtempSync(join(tmpdir(), 'posw-lab-pages-'));
const pictures = process.env.SCREENSHOTS;
let browser;
before(async () => { browser = await Browser.start(); });
after(async () => {
  await browser?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The page of a command. */
function lab(name, ...args) {
  const file = join(folder, `${name}.html`);
  execFileSync(POSW, ['lab', ...args, '--html', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return file;
}

/** One that uses everything a page can show, with hostile text wherever text can be. */
function sample() {
  const file = join(folder, 'sample.html');
  execFileSync(join(dirname(POSW), 'tests/unit/lab/test-lab-report'), [file]);
  return file;
}

/** For each chart: how many colours its canvas has, whether Chart.js knows it, and where its ink is. */
const CHARTS = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const { width, height } = canvas, pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer);
  const chart = Chart.getChart(canvas), sets = chart ? chart.data.datasets.length : 0;
  const area = chart.chartArea;
  return { width, height, colours: new Set(pixels).size, ink: pixels.filter((p) => p !== 0).length, sets, area: (area.right - area.left) * (area.bottom - area.top),
    shown: chart.data.datasets.map((s, i) => chart.getDatasetMeta(i).data.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)).length) };
})`;

async function look(file, options) {
  const seen = await browser.open(pathToFileURL(file).href, options);
  assert.deepEqual(seen.errors, [], 'nothing is complained of');
  for (const url of seen.requests) assert.match(url, /^(file|data):/, 'no other host is asked');
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    await browser.screenshot(join(pictures, `${basename(file, '.html')}-${options.scheme}-${options.width}.png`));
  }
  const charts = await browser.evaluate(CHARTS);
  assert.equal(await browser.evaluate('Object.keys(Chart.instances).length'), charts.length, 'each canvas has its chart');
  for (const c of charts) {
    assert.ok(c.width > 200 && c.height > 200 && c.area > 20_000, `a chart of ${c.width} x ${c.height}`);
    assert.ok(c.colours > 8 && c.ink > 2_000, `a chart is blank: ${JSON.stringify(c)}`);
    assert.ok(c.sets > 0 && c.shown.every((n) => n > 0), `series without a point: ${JSON.stringify(c)}`);
  }
  assert.ok(await browser.evaluate(`document.documentElement.scrollWidth <= ${options.width}`), 'the page itself does not scroll sideways');
  return charts;
}

async function everywhere(file, wanted) {
  for (const options of [{ scheme: 'light', width: 1200 }, { scheme: 'dark', width: 1200 }, { scheme: 'dark', width: 360, height: 800 }]) {
    const charts = await look(file, options);
    assert.equal(charts.length, wanted, 'charts on the page');
  }
}

test('everything a page can show, with hostile text', async () => {
  const file = sample();
  await everywhere(file, 3);
  assert.equal(await browser.evaluate('window.stolen'), undefined, 'text was run as a script');
  assert.equal(await browser.evaluate(`document.querySelectorAll('img, iframe, object, embed').length`), 0);
  const numbers = await browser.evaluate(`[...document.querySelectorAll('td.n, th.n')].map((e) => getComputedStyle(e).textAlign)`);
  assert.ok(numbers.length > 20 && numbers.every((a) => a === 'right'), 'numbers are aligned to the right');
});

test('who cannot see it is told the same', async () => {
  await look(sample(), { scheme: 'light', width: 1200 });
  assert.equal(await browser.evaluate('document.documentElement.lang'), 'en');
  assert.notEqual(await browser.evaluate('document.title'), '');
  assert.equal(await browser.evaluate(`document.querySelectorAll('h1').length`), 1);
  for (const [what, of] of [['main > .wide > table', 'caption'], ['figure', 'figcaption'], ['figure', 'canvas[aria-label]']])
    assert.equal(await browser.evaluate(`[...document.querySelectorAll('${what}')].every((e) => e.querySelector('${of}')?.outerHTML.length > 20)`), true, `${what} has ${of}`);
});

test('light and dark: the system decides, then the button', async () => {
  const background = 'getComputedStyle(document.body).backgroundColor', brightness = (rgb) => rgb.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
  const file = sample();
  await look(file, { scheme: 'dark', width: 1200 });
  const dark = await browser.evaluate(background);
  await browser.evaluate(`document.getElementById('scheme').click()`);
  const light = await browser.evaluate(background);
  assert.ok(brightness(dark) < 150 && brightness(light) > 600, `${dark} to ${light}`);
  const ink = await browser.evaluate(`Chart.getChart('chart-0').options.scales.y.ticks.color`);
  assert.equal(ink, await browser.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('--quiet').trim()`), 'the charts follow');
  await browser.evaluate('localStorage.clear()');
});

test('tables scroll by themselves on a phone', async () => {
  await look(sample(), { scheme: 'light', width: 360, height: 800 });
  assert.ok(await browser.evaluate(`(() => { const w = document.querySelector('main > .wide'); return w.scrollWidth > w.clientWidth; })()`));
});

test('without the scripts everything but the charts is there', async () => {
  await browser.open(pathToFileURL(sample()).href, { scripts: false });
  assert.ok((await browser.evaluate('document.body.innerText')).includes('22,364'));
});

test('pages of commands: miner (of a chain with a hostile name), compare, design, attack, sweep', async () => {
  const chain = join(folder, 'chain.json');
  execFileSync(POSW, ['chain', 'new', '--name', '<img src=x onerror=stolen=1>', '--ticker', 'X', '--chain-id', '7', '--accounts', '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=8064000coin', chain],
    { stdio: ['ignore', 'ignore', 'ignore'] });
  await everywhere(lab('miner', 'miner', '--chain', chain, '--hashrate', '8000', '--watts', '120', '--stake', '5000'), 3);
  assert.equal(await browser.evaluate('window.stolen'), undefined);
  assert.ok((await browser.evaluate('document.body.innerText')).includes('<img src=x'));
  await everywhere(lab('compare', 'compare', '--blocks-per-year', '2000', '--seeds', '2', '--years', '5'), 7);
  await everywhere(lab('design', 'design', '--block-time', '60', '--value-at-risk', '25000'), 2);
  await everywhere(lab('attack', 'attack', '--depth', '60'), 1);
  await everywhere(lab('sweep', 'sweep', 'attack', '--chain', 'ticket,pow,diode', '--depth', '6,60,600', '--keys', 'cost_usd,capital_usd'), 2);
});
