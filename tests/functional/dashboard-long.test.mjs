// POSW_LONG=1: the dashboard with 100,000 blocks behind it, in a real browser, on a desktop and on a phone. Every view is drawn within a second, or three
// times what it took with 100 blocks if this machine is slow or busy, and complains of nothing; search finds old and new blocks, an account's history
// reaches its oldest transaction, the charts show the whole chain, and a new block appears at once. The times are told. BLOCKS=N: so many instead.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, parseEther } from 'ethers';

import { Browser } from './browser.mjs';
import { ACCOUNTS, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev } from './lib.mjs';

const BLOCKS = Number(process.env.BLOCKS ?? 100_000),
  PIECE = 200, // blocks of one request: each is a commit
  SPREAD = 40, // transactions of an account, evenly over the chain
  YOUNG = 100, // blocks with which the same views are drawn first, for comparison
  DRAWN_MS = 1000;
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const skip = process.env.POSW_LONG ? false : 'POSW_LONG=1 is not set';
if (skip) console.error(`dashboard-long.test.mjs: skipped: ${skip}`);

let browser, node, provider, seen;
const times = [],
  young = new Map(); // 'view size' -> ms on the young chain
const receiver = ACCOUNTS[5].address;

/** Waits for an expression of the page; gives the milliseconds until then, as the page's own clock sees them. */
const drawn = (what, expression, timeoutMs = 10_000) =>
  browser
    .evaluate(
      `new Promise((done) => {
      const began = performance.now();
      const look = () => {
        let holds = false;
        try { holds = ${expression}; } catch { /* not yet */ }
        if (holds || performance.now() - began > ${timeoutMs}) requestAnimationFrame(() => done([holds, performance.now() - began]));
        else setTimeout(look, 5);
      };
      look();
    })`,
    )
    .then(([holds, ms]) => {
      assert.ok(holds, `${what}: not within ${timeoutMs} ms`);
      return ms;
    });
const said = (text) => `document.querySelector('main').innerText.includes(${JSON.stringify(text)})`;
const busy = `document.querySelector('[aria-busy]') !== null`;
const OVERVIEW = `document.querySelectorAll('.rows:not(.txs) li').length === 8 && document.querySelector('.recommended').textContent !== ''`;
const number = (n) => new Intl.NumberFormat('en-US').format(n);

/** Goes to a view as a link does; milliseconds until it is drawn. */
async function go(path, ready) {
  await browser.evaluate(`location.hash = '#/nowhere'; undefined`);
  await drawn('nothing', said('no such page'));
  const began = performance.now();
  await browser.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}; undefined`);
  await drawn(`view ${path}`, `document.querySelector('main h1') !== null && !${busy} && (${ready})`);
  return performance.now() - began;
}
const plain = (view) => view.replace(/0x(\w{4})\w+/, '0x$1…').replace(/\d{3,}$/, 'N');
/** Notes a time and judges it; `like`: what it is compared with, if it is not of the same name. */
function took(what, size, ms, like = what) {
  const before = young.get(`${like} ${size}`) ?? young.get(`overview ${size}`);
  times.push(`${what.padEnd(24)} ${size.padEnd(8)} ${String(Math.round(ms)).padStart(5)} ms, with ${YOUNG} blocks ${String(Math.round(before)).padStart(5)} ms`);
  assert.ok(ms <= Math.max(DRAWN_MS, 3 * before), `${what}, ${size}: ${Math.round(ms)} ms, and ${Math.round(before)} with ${YOUNG} blocks`);
}
async function load(path, size) {
  const options = { scheme: size === 'phone' ? 'dark' : 'light', ...SIZES[size] };
  await browser.open('about:blank', options);
  seen = await browser.open(`${node.url}/#/${path}`, options);
}
async function fits(name, width) {
  const [wide, ...by] = await browser.evaluate(
    `[document.documentElement.scrollWidth, ...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > ${width} + 1 && !e.closest('.wide')).map((e) => e.outerHTML.slice(0, 120))]`,
  );
  assert.ok(wide <= width, `${name} is ${wide} px wide at ${width}: ${by.slice(0, 3).join('\n')}`);
}
const quiet = () => assert.deepEqual(seen.errors, [], 'nothing is complained of');
const search = (text) =>
  browser.evaluate(`(() => { const q = document.getElementById('query'); q.value = ${JSON.stringify(text)}; q.form.requestSubmit(); })()`);

/** [path, expression that holds once it is drawn] of every view. */
async function views() {
  const miner = ACCOUNTS[0].address,
    { transactions } = await node.rpc('posw_getAccountTransactions', receiver.toLowerCase(), 1),
    tip = await node.number(),
    listed = `document.querySelectorAll('main tbody tr').length`;
  return [
    ['', OVERVIEW],
    ['blocks', `${listed} === 25`],
    [`blocks/${tip / 2}`, `${listed} === 25`],
    ['blocks/24', `${listed} === 25`],
    ['block/0', said('posw dev')],
    ['block/1', `${listed} === 4`],
    [`block/${tip}`, said('Seal version')],
    [`tx/${transactions[0].hash}`, said('succeeded')],
    [`address/${receiver}`, said('found in blocks')],
    [`address/${STAKING}`, said('found in blocks')],
    ['miner', said('Who mines')],
    [`miner/${miner}`, said('Time to a block')],
    ['stake', said('No wallet was found')],
    [`stake/${miner}`, said('6,500')],
    ['security', `document.querySelector('.recommended').textContent !== ''`],
    ['pending', said('can go into')],
    ['peers', said('without a network')],
  ];
}
/** Draws every view; tells the milliseconds of each to `note`. */
async function drawAll(size, note) {
  const began = performance.now();
  await load('', size);
  await drawn('the first view', OVERVIEW);
  note('all from the node', performance.now() - began);
  for (const [path, ready] of await views()) {
    note(plain(path) || 'overview', await go(path, ready));
    await fits(path, SIZES[size].width);
  }
  quiet();
}

/** Mines up to a block, a piece at a time. */
async function mineTo(end) {
  for (let now; (now = await node.number()) < end;) await node.mine(Math.min(PIECE, end - now));
}
const pay = (nonce) => ethersWallet(provider, 4).sendTransaction({ to: receiver, value: BigInt(nonce) + 1n, nonce, gasLimit: 21000 });

/** Stake of three owners and a transfer in block 1, and one that waits. */
async function begin() {
  const stake = (i, coins) =>
    new Contract(STAKING, STAKING_ABI, ethersWallet(provider, i)).stake(ACCOUNTS[i].address, { value: parseEther(coins), nonce: 0, gasLimit: 200000 });
  await Promise.all([stake(0, '6500'), stake(1, '2500'), stake(2, '1000.5'), pay(0)]);
  await mineTo(YOUNG);
  await pay(1);
}
/** The transfers go on, evenly over the whole chain; after the last block one more waits. */
async function grow() {
  for (let k = 1; k < SPREAD - 1; k++) {
    await mineTo(Math.floor((BLOCKS * k) / SPREAD));
    await pay(k + 1);
  }
  await mineTo(BLOCKS);
  await pay(SPREAD);
}

describe('the dashboard, with many blocks behind it', { skip, timeout: 3_600_000 }, () => {
  before(async () => {
    node = await startDev();
    provider = ethersProvider(node);
    browser = await Browser.start();
    await begin();
    for (const size of Object.keys(SIZES)) await drawAll(size, (view, ms) => young.set(`${view} ${size}`, ms));
    const began = performance.now();
    await grow();
    times.push(`${number(BLOCKS)} blocks were mined in ${Math.round((performance.now() - began) / 1000)} s`);
  });
  after(async () => {
    console.error(times.join('\n'));
    await browser?.stop();
    provider?.destroy();
    await node?.stop();
  });

  for (const size of Object.keys(SIZES)) test(`every view, on a ${size}`, () => drawAll(size, (view, ms) => took(view, size, ms)));

  test('search finds the first block, one in the middle, the last, and none beyond', async () => {
    await load('', 'desktop');
    for (const n of [1, Math.floor(BLOCKS / 2), BLOCKS]) {
      const began = performance.now();
      await search(number(n));
      await drawn(`block ${n}`, `document.querySelector('main h1')?.textContent === 'Block ${number(n)}' && !${busy} && ${said('Confirmations')}`);
      took(`search ${number(n)}`, 'desktop', performance.now() - began, 'block/N');
      const { hash } = await node.rpc('eth_getBlockByNumber', `0x${n.toString(16)}`, false);
      assert.ok(await browser.evaluate(said(hash)));
      assert.ok(await browser.evaluate(said(`${number(BLOCKS - n + 1)}${n < BLOCKS ? ', final' : ''}`)), 'its confirmations');
    }
    await search(String(BLOCKS + 1));
    await drawn('no block beyond', said(`the latest is ${number(BLOCKS)}`));
    quiet();
  });

  test('the pages of blocks lead to the first one and back', async () => {
    await load('blocks', 'phone');
    const click = (text) => browser.evaluate(`[...document.querySelectorAll('main a')].find((a) => a.textContent === ${JSON.stringify(text)}).click()`),
      caption = (text) => `document.querySelector('caption')?.textContent === ${JSON.stringify(text)}`,
      of = number(BLOCKS);
    await drawn('the latest', caption(`Blocks ${number(BLOCKS - 24)} to ${of} of ${of}`));
    for (const [button, from, to] of [
      ['Older', number(BLOCKS - 49), number(BLOCKS - 25)],
      ['First', '0', '24'],
      ['Newer', '25', '49'],
      ['Latest', number(BLOCKS - 24), of],
    ]) {
      const began = performance.now();
      await click(button);
      await drawn(button, caption(`Blocks ${from} to ${to} of ${of}`));
      took(`blocks: ${button}`, 'phone', performance.now() - began, 'blocks');
    }
    quiet();
  });

  test('an account: its history reaches its oldest transaction', async () => {
    for (const size of Object.keys(SIZES)) {
      await load(`address/${receiver}`, size);
      const more = `[...document.querySelectorAll('main button')].find((b) => b.textContent === 'Look further back')`,
        rows = `document.querySelectorAll('main tbody tr').length`;
      const began = performance.now();
      let presses = 0;
      for (;; presses++) {
        const ms = await drawn('a piece of the search', `${more} && !${more}.disabled`);
        took(`history, part ${presses + 1}`, size, ms, plain(`address/${receiver}`));
        if (await browser.evaluate(`${more}.hidden`)) break;
        assert.ok(presses < 20, `${presses} times further back, and ${await browser.evaluate(rows)} of ${SPREAD} found`);
        await browser.evaluate(`${more}.click()`);
      }
      times.push(`the whole history, ${size}: ${presses} times further back, ${Math.round(performance.now() - began)} ms`);
      assert.equal(await browser.evaluate(rows), SPREAD);
      assert.ok(await browser.evaluate(said('That is the whole chain')));
      assert.equal(await browser.evaluate(`[...document.querySelectorAll('main tbody tr')].at(-1).cells[2].textContent`), '1', 'the oldest is in block 1');
      await fits('an account with its history', SIZES[size].width);
      quiet();
    }
  });

  test('charts of the last blocks and of the whole chain', async () => {
    for (const size of Object.keys(SIZES)) {
      await load('', size);
      for (const [range, from] of [
        ['100', BLOCKS - 99],
        ['1000', BLOCKS - 999],
        ['10000', BLOCKS - 9_999],
        ['Infinity', 0],
      ]) {
        const began = performance.now();
        await browser.evaluate(`document.querySelector('input[name=range][value="${range}"]').click()`);
        // the first of the points, of 200, may be some blocks after the range's first, and that of a chart of differences is the second
        await drawn(
          `charts of ${range}`,
          `[...document.querySelectorAll('canvas')].every((c) => {
            const [, first, last] = c.getAttribute('aria-label').match(/blocks ([\\d,]+) to ([\\d,]+):/).map((n) => Number(n.replaceAll(',', '')));
            return last === ${BLOCKS} && first >= ${from} && first <= ${from} + ${Math.ceil((BLOCKS - from) / 80)};
          })`,
        );
        took(`charts, ${range === 'Infinity' ? 'all' : range}`, size, performance.now() - began);
        // read from a copy: Chromium complains of a page whose own canvas is read often
        const inked = await browser.evaluate(
          `[...document.querySelectorAll('canvas')].map((c) => {
            const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });
            copy.drawImage(c, 0, 0);
            return copy.getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length;
          })`,
        );
        assert.equal(inked.length, 6);
        for (const dots of inked) assert.ok(dots > 500, `a chart of ${range} is empty: ${dots} dots`);
      }
      quiet();
    }
  });

  test('a block that is mined appears by itself', async () => {
    await load('', 'phone');
    await drawn('connected', `document.getElementById('live').dataset.state === 'live' && document.querySelectorAll('.rows:not(.txs) li').length === 8`);
    const began = performance.now();
    await node.mine();
    await drawn('the new block', `document.querySelector('.rows li a').textContent === '${number(BLOCKS + 1)}'`);
    took('a new block', 'phone', performance.now() - began);
    quiet();
  });
});
