// The node's dashboard in a real browser, on a real chain: every view in both sizes and both colour schemes, live changes, search, the arithmetic of
// the attack, staking with a wallet, a node that stops and comes back, and text of strangers. Pictures of all views are kept in BUILD/screenshots, or
// in SCREENSHOTS=FOLDER.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Contract, Interface, Wallet, hexlify, parseEther, toUtf8Bytes } from 'ethers';

import { Browser } from './browser.mjs';
import { mineWith, tell } from './chain.mjs';
import {
  ACCOUNTS,
  COIN,
  GWEI,
  POSW,
  ROOT,
  STAKING,
  STAKING_ABI,
  ethersProvider,
  ethersWallet,
  request,
  start,
  startDev,
  startNode,
  temporaryFolder,
  until,
  writeChainFile,
} from './lib.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURES = process.env.SCREENSHOTS ?? join(dirname(POSW), 'screenshots');
const DESKTOP = { width: 1280, height: 800 },
  PHONE = { width: 390, height: 844 };
const HOSTILE = '<img src=x onerror=stolen=1>';
const UPGRADE = 'larger-blocks';
const folder = temporaryFolder();

let browser, node, provider, seen;
const said = (text) => `document.body.innerText.includes(${JSON.stringify(text)})`;
const shows = (what, expression, timeoutMs = 8000) =>
  until(what, () => browser.evaluate(`(() => { try { return ${expression}; } catch { return false; } })()`), { timeoutMs, everyMs: 30 });
/** Goes to a view as a link does, and waits until it has been drawn. */
async function go(path, ready = 'true') {
  await browser.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}; undefined`);
  await shows(
    `view ${path}`,
    `location.hash === ${JSON.stringify(`#/${path}`)} && !document.querySelector('[aria-busy]') && document.querySelector('main h1') !== null && (${ready})`,
  );
}
async function load(url, options = { scheme: 'light', ...DESKTOP }) {
  await browser.open('about:blank', options);
  seen = await browser.open(url, options);
  await shows('the first view', `document.querySelector('main h1') !== null`);
}
const quiet = (url) => {
  assert.deepEqual(seen.errors, [], 'nothing is complained of');
  for (const asked of seen.requests)
    assert.ok(asked.startsWith(url) || asked.startsWith(url.replace('http', 'ws')), `another host is asked: ${asked}`);
};

/** A chain with stake in force, transfers, a text in a transaction, an exit, and something that waits. */
async function fill() {
  const wallets = ACCOUNTS.map((_, i) => ethersWallet(provider, i)),
    staking = (i) => new Contract(STAKING, STAKING_ABI, wallets[i]);
  await staking(0).stake(ACCOUNTS[0].address, { value: parseEther('6500'), nonce: 0, gasLimit: 200000 });
  await staking(1).stake(ACCOUNTS[0].address, { value: parseEther('1000.5'), nonce: 0, gasLimit: 200000 });
  await staking(1).stake(ACCOUNTS[1].address, { value: parseEther('2500'), nonce: 1, gasLimit: 200000 });
  for (let k = 0; k < 30; k++)
    await wallets[2].sendTransaction({
      to: ACCOUNTS[3].address,
      value: (BigInt(k) * COIN) / 7n,
      nonce: k,
      gasLimit: 60000,
      data: k === 7 ? hexlify(toUtf8Bytes(HOSTILE)) : '0x',
    });
  await node.mine(45);
  await staking(1).unstake(ACCOUNTS[0].address, parseEther('500.5'), { nonce: 2, gasLimit: 200000 });
  await node.mine();
  await wallets[4].sendTransaction({ to: ACCOUNTS[5].address, value: 1n, nonce: 0, gasLimit: 21000 });
}

before(async () => {
  node = await startDev('--datadir', join(folder, 'dev'));
  provider = ethersProvider(node);
  [browser] = await Promise.all([Browser.start(), fill()]);
  mkdirSync(PICTURES, { recursive: true });
});
after(async () => {
  await browser?.stop();
  provider?.destroy();
  await node?.stop();
});

/** What axe-core finds. */
async function audit(where) {
  if (!(await browser.evaluate('typeof axe === "object"'))) await browser.evaluate(`${AXE}; undefined`);
  const found = await browser.evaluate(
    `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.any.map((a) => a.message).join('; ')).join(' | ')))`,
  );
  assert.deepEqual(found, [], `axe-core, ${where}`);
}

const LOOKS = [
  ['light', DESKTOP],
  ['dark', PHONE],
];
const ALL_LOOKS = [...LOOKS, ['dark', DESKTOP], ['light', PHONE]];

/** Both schemes and both sizes: no view is wider than its window, axe-core finds nothing, and a picture is kept. */
async function everywhere(name, looks = LOOKS) {
  for (const [scheme, size] of looks) {
    await browser.emulate({ scheme, ...size });
    await browser.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    // A phone's window grows with what is too wide for it: the size that was asked for counts.
    const [wide, ...by] = await browser.evaluate(
      `[document.documentElement.scrollWidth, ...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > ${size.width} + 1 && !e.closest('.wide')).map((e) => e.outerHTML.slice(0, 120))]`,
    );
    assert.ok(wide <= size.width, `${name} is ${wide} px wide at ${size.width}: ${by.slice(0, 3).join('\n')}`);
    await browser.screenshot(join(PICTURES, `dashboard-${name}-${scheme}-${size.width}.png`));
    await audit(`${name} ${scheme} ${size.width}`);
  }
  await browser.emulate({ scheme: 'light', ...DESKTOP });
}

describe('the dashboard', () => {
  test('every view, on a desktop and on a phone, light and dark', async () => {
    const a = ACCOUNTS[1].address,
      { transactions } = await node.rpc('posw_getAccountTransactions', a.toLowerCase(), 1),
      views = [
        ['', 'overview', `document.querySelectorAll('.rows li').length > 7 && document.querySelector('.recommended').textContent !== ''`],
        ['blocks', 'blocks', `document.querySelectorAll('main tbody tr').length === 25`],
        ['block/1', 'block', `document.querySelectorAll('main tbody tr').length === 25`],
        ['block/0', 'genesis', said('posw dev')],
        ['block/99999999', 'no-block', said('no such block')],
        [`tx/${transactions[0].hash}`, 'transaction', said('Unstaked')],
        [`tx/0x${'11'.repeat(32)}`, 'no-transaction', said('no such transaction')],
        [`address/${a}`, 'account', said('That is the whole chain')],
        ['miner', 'mining', said('Who mines')],
        [`miner/${ACCOUNTS[0].address}`, 'miner', said('Time to a block')],
        ['stake', 'staking', said('No wallet was found')],
        [`stake/${a}`, 'staker', said('On the way out')],
        ['security', 'security', `document.querySelector('.recommended').textContent !== ''`],
        ['pending', 'pending', said('can go into')],
        ['peers', 'peers', said('without a network')],
        ['nowhere', 'nowhere', said('no such page')],
      ];
    await load(node.url);
    for (const [path, name, ready] of views) {
      await go(path, ready);
      await everywhere(name, path === '' ? ALL_LOOKS : LOOKS);
    }
    assert.ok((await browser.evaluate('document.title')).includes('posw dev'));
    quiet(node.url);
  });

  test('the node hands it out: headers, deep links, the switch that leaves it away', async () => {
    const page = await request(`${node.url}/`),
      again = await request(`${node.url}/`, { headers: { 'if-none-match': page.headers.etag } });
    assert.match(page.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(again.status, 304);
    assert.equal((await request(`${node.url}/`, { headers: { host: 'evil.example' } })).status, 403);
    await load(`${node.url}/#/block/1`);
    await shows('a deep link', said('Block 1'));
    const bare = await startDev('--no-dashboard');
    assert.equal(bare.ready.dashboard, undefined);
    assert.equal((await request(bare.url)).status, 405);
    await bare.stop();
    assert.equal(node.ready.dashboard, `${node.url}/`);
  });

  test('a link that a wallet makes of the explorer’s address leads to the view', async () => {
    const { transactions } = await node.rpc('posw_getAccountTransactions', ACCOUNTS[1].address.toLowerCase(), 1);
    for (const [path, text] of [[`tx/${transactions[0].hash}`, 'Unstaked'], [`address/${ACCOUNTS[1].address}`, 'Balance'], ['block/1', 'Confirmations']]) {
      await load(`${node.url}/${path}`);
      await shows(path, `location.href === ${JSON.stringify(`${node.url}/#/${path}`)} && ${said(text)}`);
      quiet(node.url);
    }
  });

  test('a block that is mined appears by itself', async () => {
    await load(node.url);
    await shows('connected', `document.getElementById('live').dataset.state === 'live'`);
    const latest = `Number(document.querySelector('.rows li a')?.textContent.replaceAll(',', ''))`,
      before = await node.number();
    await shows('the latest block', `${latest} === ${before}`);
    await browser.evaluate(`document.querySelector('.rows li a').focus(); undefined`);
    await node.mine(2);
    await shows('the new block', `${latest} === ${before + 2} && document.getElementById('live-text').textContent.includes('${before + 2}')`);
    assert.ok(await browser.evaluate(`document.activeElement.textContent === '${before}'`), 'the focus stays on its block');
    await go('blocks', `document.querySelector('caption').textContent.endsWith('${before + 2}')`);
    await node.mine();
    await shows('the list follows', `document.querySelector('caption').textContent.endsWith('${before + 3}')`);
    quiet(node.url);
  });

  test('search, and links from screen to screen', async () => {
    await load(node.url);
    const {
        transactions: [tx],
      } = await node.rpc('posw_getAccountTransactions', ACCOUNTS[3].address.toLowerCase(), 1),
      block = await node.rpc('eth_getBlockByNumber', '0x5', false);
    const search = (text) =>
      browser.evaluate(
        `(() => { const q = document.getElementById('query'); q.value = ${JSON.stringify(text)}; q.dispatchEvent(new Event('input')); q.form.requestSubmit(); })()`,
      );
    for (const [text, path] of [
      ['5', 'block/5'],
      ['#1', 'block/1'],
      [tx.hash, `tx/${tx.hash}`],
      [block.hash, `block/${block.hash}`],
      [ACCOUNTS[2].address, `address/${ACCOUNTS[2].address}`],
      [ACCOUNTS[2].address.toLowerCase(), `address/${ACCOUNTS[2].address}`],
    ]) {
      await go('');
      await search(text);
      await shows(`search for ${text}`, `location.hash === ${JSON.stringify(`#/${path}`)}`);
    }
    for (const [text, why] of [
      ['0x1234', '64 hexadecimal digits'],
      ['what', '40 hexadecimal digits'],
      [`0x${'12'.repeat(32)}`, 'knows no block'],
      [ACCOUNTS[2].address.replace('0x3C', '0x3c'), 'EIP-55'],
    ]) {
      await search(text);
      await shows(`the reason for ${text}`, `document.getElementById('search-fault')?.textContent.includes(${JSON.stringify(why)})`);
    }
    await go('blocks', `document.querySelectorAll('main tbody tr').length === 25`);
    const click = (text) =>
      browser.evaluate(`[...document.querySelectorAll('main a')].find((a) => a.textContent === ${JSON.stringify(text)}).click()`);
    const top = await node.number();
    await click('Older');
    await shows('older blocks', `document.querySelector('caption')?.textContent.startsWith('Blocks ${Math.max(0, top - 49)} to ${top - 25}')`);
    await go('block/1', `document.querySelectorAll('main tbody tr').length === 25`);
    await click('After');
    await shows('the rest of its transactions', `document.querySelectorAll('main tbody tr').length === 8`);
    quiet(node.url);
  });

  test('by keyboard: the skip link first, a heading after each step, the scheme by its button', async () => {
    await load(node.url);
    const tab = async () => {
      for (const type of ['keyDown', 'keyUp'])
        await browser.send('Input.dispatchKeyEvent', { type, key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 });
    };
    await tab();
    assert.equal(await browser.evaluate('document.activeElement.className'), 'skip');
    for (let i = 0; i < 3; i++) await tab();
    assert.equal(await browser.evaluate('document.activeElement.textContent'), 'Blocks');
    assert.notEqual(await browser.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'none');
    await browser.evaluate('document.activeElement.click()');
    await shows('the focus is on the heading', `document.activeElement.tagName === 'H1' && document.activeElement.textContent === 'Blocks'`);
    const background = 'getComputedStyle(document.body).backgroundColor',
      was = await browser.evaluate(background);
    await browser.evaluate(`document.getElementById('scheme').click()`);
    assert.notEqual(await browser.evaluate(background), was);
    await browser.evaluate('localStorage.clear()');
  });

  test('what an attack costs is what the laboratory says', async () => {
    await load(`${node.url}/#/security`);
    await shows('figures', `document.querySelector('.scenario') !== null`);
    const chain = join(folder, 'dev/chain.json'),
      set = (values) =>
        browser.evaluate(
          `(() => { for (const [name, v] of Object.entries(${JSON.stringify(values)})) { const i = document.getElementById('a-' + name); i.value = v; i.dispatchEvent(new Event('input', { bubbles: true })); } })()`,
        );
    const lab = (...args) => JSON.parse(execFileSync(POSW, ['lab', ...args, '--json'], { encoding: 'utf8' }));
    let staked = 0;
    for (const values of [
      { price: '1', delta: '30', interest: '5', rent: '', value: '1000' },
      { price: '0.02', delta: '10', interest: '8', rent: '', value: '3' },
      { price: '3.5', delta: '0', interest: '0.5', rent: '40,000', value: '250' },
      { price: '0.001', delta: '1', interest: '0', rent: '90000000', value: '77' },
    ]) {
      await set(values);
      const page = await browser.evaluate(
        `({ scenario: document.querySelector('.scenario').textContent, costs: [...document.querySelectorAll('[data-depth]')].map((e) => [Number(e.dataset.depth), Number(e.dataset.cost)]), wait: document.querySelector('.recommended').textContent })`,
      );
      const market = join(folder, 'market.json');
      writeFileSync(market, page.scenario);
      assert.deepEqual(
        page.costs.map(([depth]) => depth),
        [6, 32, 60],
      );
      for (const [depth, cost] of page.costs) {
        const answer = lab('attack', '--chain', chain, '--scenario', market, '--depth', String(depth));
        const want = answer.cost_usd;
        assert.ok(Math.abs(cost - want) <= 1e-9 * want, `${depth} blocks, ${JSON.stringify(values)}: ${cost}, the laboratory says ${want}`);
        staked += answer.tickets > 0;
      }
      const budget = lab('budget', '--chain', chain, '--scenario', market, '--value', values.value),
        wait = budget.false_times_confirmations ?? budget.safe_confirmations;
      assert.equal(page.wait.replaceAll(',', ''), wait === undefined || wait === null ? 'no number' : String(wait));
    }
    assert.ok(staked > 0, 'some of them are cheapest with tickets');
    await set({ price: 'much' });
    assert.equal(await browser.evaluate(`document.getElementById('a-price').getAttribute('aria-invalid')`), 'true');
    await browser.evaluate('localStorage.clear()');
    quiet(node.url);
  });

  test('the same under every weight rule', async () => {
    const source = readFileSync(join(ROOT, 'web/attack.js')),
      model = await import(`data:text/javascript;base64,${source.toString('base64')}`);
    const lab = (...args) => JSON.parse(execFileSync(POSW, ['lab', ...args, '--json'], { encoding: 'utf8' }));
    const close = (got, want, what) => assert.ok(Math.abs(got - want) <= 1e-9 * Math.abs(want), `${what}: ${got}, the laboratory says ${want}`);
    for (const preset of ['pow', 'linear', 'sqrt', 'quadratic', 'diode', 'quarkchain', 'ticket']) {
      const dir = join(folder, preset),
        one = await startDev('--weight', preset, '--datadir', dir),
        rule = model.ruleOf(await one.rpc('posw_chainParameters'));
      await one.stop();
      const s = { price: 0.7, supply: 9_000_000, staked: 3_100_000.25, miners: 37, reward: 2, delta: 0.2, interest: 0.04, premium: 1.5 };
      const market = join(folder, `${preset}.json`),
        files = ['--chain', join(dir, 'chain.json'), '--scenario', market];
      writeFileSync(market, JSON.stringify(model.scenarioFile(rule, s)));
      for (const depth of [1, 60, 2016]) {
        const mine = model.attack(rule, s, depth),
          theirs = lab('attack', ...files, '--depth', String(depth));
        close(mine.best.cost, theirs.cost_usd, `${preset}, ${depth} blocks`);
        close(mine.best.hashRatio, theirs.hash_ratio, `${preset}, ${depth} blocks, hash`);
        close(mine.best.stake, theirs.stake_coins, `${preset}, ${depth} blocks, stake`);
      }
      const mine = model.confirmations(rule, s, 5000),
        theirs = lab('budget', ...files, '--value', '5000');
      assert.equal(mine.byCost, theirs.confirmations_by_cost ?? Infinity, `${preset}, confirmations`);
      assert.equal(rule.halfLife, 0, 'difficulty is fixed on a development chain');
    }
  });

  test('a cheapest stake of many units, and stakes of whole tickets', async () => {
    const source = readFileSync(join(ROOT, 'web/attack.js')),
      model = await import(`data:text/javascript;base64,${source.toString('base64')}`);
    const units = { rule: 'power', unit: '1 coin', exponent: 2, min: 1, max: '9007199254740992' };
    for (const [i, { weight, s }] of [
      { weight: units, s: { price: 1e-5, supply: 1e12, staked: 4e11, miners: 200, reward: 1e5, delta: 0.3, interest: 0.05, premium: 1 } },
      // all tickets of the window, 8 for each miner
      { weight: { preset: 'ticket' }, s: { price: 1, supply: 10_000_000, staked: 2_500_000, miners: 252, reward: 2, delta: 0.3, interest: 0.05, premium: 1 } },
    ].entries()) {
      const chain = join(folder, 'units.json'),
        market = join(folder, 'units-market.json');
      writeFileSync(chain, JSON.stringify({ name: 'Units', ticker: 'UNI', chainId: 4712, pow: 'keccak256', timestamp: Math.floor(Date.now() / 1000), weight, accounts: { [ACCOUNTS[0].address]: '10000000 coin' } }));
      const one = await startNode(chain, join(folder, `units-${i}`)),
        rule = model.ruleOf(await one.rpc('posw_chainParameters'));
      await one.stop();
      writeFileSync(market, JSON.stringify(model.scenarioFile(rule, s)));
      const mine = model.attack(rule, s, 60).best,
        theirs = JSON.parse(execFileSync(POSW, ['lab', 'attack', '--chain', chain, '--scenario', market, '--depth', '60', '--json'], { encoding: 'utf8' }));
      assert.ok(Math.abs(mine.cost - theirs.cost_usd) <= 1e-7 * theirs.cost_usd, `${mine.cost}, the laboratory says ${theirs.cost_usd}`);
      if (i === 0) assert.ok(mine.stake > 1e6 && mine.stake < 1e10, `${mine.stake} units are the cheapest`);
      else assert.ok(Math.abs(model.attack(rule, s, 60).weight - 1024) < 1e-6, 'every honest block has a ticket');
    }
  });

  test('blocks with false times, as the laboratory has them', async () => {
    const source = readFileSync(join(ROOT, 'web/attack.js')),
      model = await import(`data:text/javascript;base64,${source.toString('base64')}`);
    const s = { price: 1, supply: 10_000_000, staked: 2_500_000, miners: 100, reward: 2, delta: 0.3, interest: 0.05, premium: 1 };
    let more = 0;
    for (const [i, difficulty] of [{}, { rule: 'asert' }, { halfLife: 200 }].entries()) {
      const chain = join(folder, 'times.json'),
        market = join(folder, 'times-market.json'),
        datadir = join(folder, `times-${i}`);
      writeFileSync(chain, JSON.stringify({ name: 'Times', ticker: 'TIM', chainId: 4711, pow: 'keccak256', timestamp: Math.floor(Date.now() / 1000), difficulty, accounts: { [ACCOUNTS[0].address]: '10000000 coin' } }));
      const one = await startNode(chain, datadir),
        rule = model.ruleOf(await one.rpc('posw_chainParameters'));
      await one.stop();
      writeFileSync(market, JSON.stringify(model.scenarioFile(rule, s)));
      // hash, whose price false times do not lower, is the cheapest for the last ones
      for (const value of [1000, 20_000, 30_000, 100_000, 760_000, 900_000]) {
        const mine = model.confirmations(rule, s, value).safe,
          budget = JSON.parse(execFileSync(POSW, ['lab', 'budget', '--chain', chain, '--scenario', market, '--value', String(value), '--json'], { encoding: 'utf8' }));
        assert.ok(Math.abs(mine - budget.false_times_confirmations) <= 1 + mine / 1000, `${JSON.stringify(difficulty)}, ${value}: ${mine}, the laboratory says ${budget.false_times_confirmations}`);
        if (mine > budget.safe_confirmations) more++;
      }
    }
    assert.ok(more > 4, 'they matter in most of these cases');
  });

  test('a wallet stakes, unstakes and withdraws', async () => {
    const key = new Wallet(ACCOUNTS[6].privateKey, provider),
      abi = new Interface(STAKING_ABI),
      asked = [];
    let chainId = '0x1',
      declines = true;
    const answers = {
      eth_requestAccounts: () => [key.address.toLowerCase()],
      eth_chainId: () => chainId,
      wallet_switchEthereumChain: () => {
        throw Object.assign(new Error('unknown chain'), { code: 4902 });
      },
      wallet_addEthereumChain: ([added]) => {
        chainId = added.chainId;
        return null;
      },
      eth_sendTransaction: async ([t]) => {
        if (declines) throw Object.assign(new Error('no'), { code: 4001 });
        return (await key.sendTransaction({ to: t.to, data: t.data, value: t.value, gasLimit: t.gas })).hash;
      },
    };
    await browser.send('Runtime.addBinding', { name: 'askWallet' });
    const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(() => {
      const waiting = new Map(), provider = { on() {}, request: (r) => new Promise((done, fail) => { const id = waiting.size + 1; waiting.set(id, { done, fail }); askWallet(JSON.stringify({ id, ...r })); }) };
      window.walletAnswers = (id, result, error) => error ? waiting.get(id).fail(error) : waiting.get(id).done(result);
      const announce = () => dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info: { uuid: '1b1a', name: '<b>Test</b> wallet', icon: 'data:,', rdns: 'example.wallet' }, provider }) }));
      addEventListener('eip6963:requestProvider', announce);
    })()`,
    });
    await load(`${node.url}/#/stake`);
    browser.handlers.push(async (method, p) => {
      if (method !== 'Runtime.bindingCalled' || p.name !== 'askWallet') return;
      const { id, method: name, params } = JSON.parse(p.payload);
      asked.push({ name, params });
      const [result, error] = await Promise.resolve()
        .then(() => answers[name](params))
        .then(
          (r) => [r, null],
          (e) => [null, { code: e.code, message: e.message }],
        );
      await browser.evaluate(`walletAnswers(${id}, ${JSON.stringify(result)}, ${JSON.stringify(error)})`);
    });
    const press = (text) =>
      browser.evaluate(`[...document.querySelectorAll('main button')].find((b) => b.textContent.startsWith(${JSON.stringify(text)})).click()`);
    await shows('the wallet', said('<b>Test</b> wallet'));
    assert.equal(asked.length, 0, 'nothing is asked before a button is pressed');
    await press('Connect');
    await shows('the account and its balance', `${said(key.address)} && ${said('10,000 DEV')}`);
    const {
      params: [added],
    } = asked.find(({ name }) => name === 'wallet_addEthereumChain');
    assert.deepEqual(added, {
      chainId: '0x539',
      chainName: 'posw dev',
      nativeCurrency: { name: 'DEV', symbol: 'DEV', decimals: 18 },
      rpcUrls: [`${node.url}/`],
      blockExplorerUrls: [`${node.url}/`],
    });
    const fill = (value) =>
      browser.evaluate(
        `(() => { document.getElementById('amount').value = ${JSON.stringify(value)}; document.querySelector('.staking').requestSubmit(); })()`,
      );
    await fill('1.0000000000000000001');
    await shows('a fault in the amount', said('18 decimals'));
    await fill('20000');
    await shows('more than there is', said('Your account has'));
    await fill('1234.000000000000000001');
    await shows('declined', said('You declined'));
    declines = false;
    await fill('1234.000000000000000001');
    await shows('sent', said('Waiting for a block'));
    await node.mine();
    await shows('staked', `document.querySelector('.note.good')?.textContent.includes('1,234.000000000000000001 DEV are staked')`);
    await shows('the deposit', `document.querySelector('.unstake input')?.value === '1,234.000000000000000001'`);
    await everywhere('wallet');
    const sent = asked.findLast(({ name }) => name === 'eth_sendTransaction').params[0],
      call = abi.parseTransaction({ data: sent.data, value: sent.value });
    assert.deepEqual([sent.to, call.name, call.args[0], call.value, sent.chainId], [STAKING, 'stake', key.address, 1234000000000000000001n, '0x539']);
    assert.equal(BigInt((await node.rpc('posw_getStake', key.address.toLowerCase())).deposits[0].amount), 1234000000000000000001n);
    await browser.evaluate(`(() => { const i = document.querySelector('.unstake input'); i.value = '1000.5'; i.form.requestSubmit(); })()`);
    await shows('unstaking', said('Waiting for a block'));
    await node.mine();
    await shows('on its way out', `document.querySelector('.note.good')?.textContent.includes('1,000.5 DEV are on their way out')`);
    const out = abi.parseTransaction({ data: asked.findLast(({ name }) => name === 'eth_sendTransaction').params[0].data });
    assert.deepEqual([out.name, ...out.args], ['unstake', key.address, parseEther('1000.5')]);
    // Two more exits, of which the wallet's user makes one and then has the wallet send another in place of it.
    await key.sendTransaction({ to: STAKING, data: abi.encodeFunctionData('unstake', [key.address, parseEther('20')]), gasLimit: 200000 });
    await node.mine();
    await shows('the rest', `document.querySelector('.unstake input')?.value === '213.500000000000000001'`);
    await browser.evaluate(`(() => { const i = document.querySelector('.unstake input'); i.value = '100'; i.form.requestSubmit(); })()`);
    await shows('unstaking again', said('Waiting for a block'));
    let looks = 0;
    browser.handlers.push((method, p) => (looks += method === 'Network.requestWillBeSent' && p.request.postData?.includes('eth_getTransactionByHash') ? 1 : 0));
    await until('the page has looked, since it looks again', () => looks > 1);
    const nonce = await node.rpc('eth_getTransactionCount', key.address, 'latest');
    await key.sendTransaction({ to: key.address, nonce: Number(nonce), gasLimit: 21000, maxFeePerGas: 90n * GWEI, maxPriorityFeePerGas: 9n * GWEI });
    await node.mine();
    await shows('it was replaced', said('took its place'));
    // An exit that is unlocked while the wallet asks is paid, too: there is gas for it.
    const { exits } = await node.rpc('posw_getStake', key.address.toLowerCase());
    assert.equal(exits.length, 2);
    await node.mineTo(Number(exits[0].unlockBlock) - 1);
    await shows('unlocked', `[...document.querySelectorAll('main button')].some((b) => b.textContent === 'Withdraw 1,000.5 DEV')`);
    const send = answers.eth_sendTransaction;
    answers.eth_sendTransaction = async (sent) => {
      await node.mineTo(Number(exits[1].unlockBlock));
      return send(sent);
    };
    await press('Withdraw');
    await shows('withdrawing', said('Waiting for a block'));
    await node.mine();
    await shows('back', `document.querySelector('.note.good')?.textContent.includes('1,020.5 DEV are back')`);
    assert.deepEqual((await node.rpc('posw_getStake', key.address.toLowerCase())).exits, []);
    quiet(node.url);
    await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
    await browser.send('Runtime.removeBinding', { name: 'askWallet' });
  });

  test('another account in the wallet: also after another view, and not once it was left', async () => {
    const [first, second, third] = [6, 7, 8].map((i) => ACCOUNTS[i].address);
    const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(() => {
      const accounts = [${JSON.stringify(first.toLowerCase())}], answers = { eth_requestAccounts: () => (window.slow ? new Promise((done) => (window.approve = () => done(accounts))) : accounts), eth_chainId: () => '0x539', eth_sendTransaction: ([t]) => { window.sender = t.from; throw { code: 4001 }; } };
      const handlers = [], provider = { on: (_, handler) => handlers.push(handler), request: async ({ method, params }) => answers[method](params) };
      window.choose = (accounts) => handlers.forEach((handler) => handler(accounts));
      addEventListener('eip6963:requestProvider', () => dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: { info: { uuid: '1', name: 'W' }, provider } })));
    })()`,
    });
    await load(`${node.url}/#/stake`);
    const press = (text) =>
        browser.evaluate(`[...document.querySelectorAll('main button')].find((b) => b.textContent === ${JSON.stringify(text)}).click()`),
      choose = (...accounts) => browser.evaluate(`choose(${JSON.stringify(accounts.map((a) => a.toLowerCase()))})`);
    await shows('the wallet', said('Connect W'));
    const focused = () => browser.evaluate('[document.activeElement.nodeName, document.activeElement.textContent]');
    await press('Connect W');
    await shows('the first account', said(first));
    assert.deepEqual(await focused(), ['H2', 'W'], 'the focus is where it goes on');
    await go('blocks');
    await go('stake', said(first));
    await choose(second);
    await shows('the second account, its balance, and its form', `${said(second)} && ${said('10,000 DEV')} && document.getElementById('miner').value === ${JSON.stringify(second)}`);
    await browser.evaluate(`(() => { document.getElementById('amount').value = '1'; document.querySelector('.staking').requestSubmit(); })()`);
    await shows('the wallet is asked', said('You declined it'));
    assert.equal(await browser.evaluate('window.sender'), second.toLowerCase());
    await go('blocks');
    await choose(third);
    await go('stake', said(third));
    await press('Disconnect');
    await shows('it was left', said('Connect W'));
    assert.deepEqual(await focused(), ['H2', 'Your wallet']);
    await choose(second);
    assert.equal(await browser.evaluate(said(second)), false, 'it stays left');
    await press('Connect W');
    await shows('the first account', said(first));
    await choose();
    await shows('no account', said('Connect W'));
    await browser.evaluate('window.slow = true; undefined');
    await press('Connect W');
    await shows('the wallet asks', 'approve !== undefined');
    await go('blocks');
    await go('stake', said('Connect W'));
    await browser.evaluate('approve(); undefined');
    await shows('the account that was shown late', said(first));
    quiet(node.url);
    await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
  });

  test('what is drawn anew keeps the focus, the selection, and how far a table was scrolled', async () => {
    const { transactions } = await node.rpc('posw_getAccountTransactions', ACCOUNTS[2].address.toLowerCase(), 1),
      confirmations = `[...document.querySelectorAll('dt')].find((d) => d.textContent === 'Confirmations').nextSibling.textContent`,
      views = [
        // the view, a link in it, and what a new block changes there
        [`tx/${transactions[0].hash}`, 'main .facts a', confirmations],
        ['block/1', 'main .facts a', confirmations],
        [`block/${await node.number()}`, 'main .facts a', confirmations],
        [`address/${ACCOUNTS[0].address}`, 'main .links a', `document.querySelector('main .amount').textContent`],
        [`stake/${ACCOUNTS[1].address}`, 'main .facts a, main table a', `document.querySelector('main .quiet').textContent`],
        ['blocks', 'main tbody tr:nth-child(3) a', `document.querySelector('main caption').textContent`],
        ['', 'main .answers a[href="#/pending"]', `document.querySelector('main .answers dd').textContent`],
      ];
    await load(`${node.url}/#/blocks`, { scheme: 'light', ...PHONE });
    for (const [view, at, changes] of views) {
      await go(view, `document.querySelector(${JSON.stringify(at)}) !== null`);
      await browser.evaluate(`(() => {
        window.kept = document.querySelector(${JSON.stringify(at)});
        kept.focus();
        getSelection().selectAllChildren(kept);
        window.shown = [getSelection().toString(), kept.href];
        window.scrolled = document.querySelector('main .wide');
        if (scrolled) scrolled.scrollLeft = 40;
        window.reached = scrolled?.scrollLeft;
        window.before = ${changes};
      })()`);
      await node.mine();
      await shows(`${view} goes on`, `${changes} !== before`);
      const now = await browser.evaluate(`[document.activeElement === kept, getSelection().toString() === shown[0], kept.href === shown[1], scrolled?.scrollLeft === reached]`);
      assert.deepEqual(now, [true, true, true, true], `${view}: focus, selection, the same link, scrolled`);
    }
    quiet(node.url);
  });

  test('text of strangers stays text', async () => {
    const chain = writeChainFile(folder, { name: HOSTILE, ticker: 'EVIL' }),
      other = await startNode(chain, join(folder, 'other'));
    await load(`${other.url}/#/block/0`);
    await shows('the name in the extra data', `document.querySelector('q.foreign')?.textContent === ${JSON.stringify(HOSTILE)}`);
    assert.equal(await browser.evaluate(`document.getElementById('chain-name').textContent`), HOSTILE);
    await go('', `document.querySelector('main h1').textContent === ${JSON.stringify(HOSTILE)}`);
    quiet(other.url);
    await other.stop();
    await load(node.url);
    const { transactions } = await node.rpc('posw_getBlockTransactions', '0x1', '0x0', 100),
      one = (await Promise.all(transactions.map(({ hash }) => node.rpc('eth_getTransactionByHash', hash)))).find(
        ({ to, input }) => to !== STAKING && input !== '0x',
      );
    await go(`tx/${one.hash}`, `document.querySelector('q.foreign')?.textContent === ${JSON.stringify(HOSTILE)}`);
    assert.equal(await browser.evaluate('window.stolen'), undefined);
    assert.equal(await browser.evaluate(`document.querySelectorAll('main img, iframe, object, embed').length`), 0);
    quiet(node.url);
  });

  test('an upgrade ahead: one that the node knows, and one that it only hears of', async () => {
    const place = join(folder, 'upgrades');
    mkdirSync(place);
    const old = writeChainFile(place, { blockTime: 15 }),
      next = join(place, 'next.json');
    writeFileSync(next, JSON.stringify({ ...JSON.parse(readFileSync(old)), upgrades: [{ height: 120000, name: UPGRADE, gasLimit: 60000000 }] }));
    const args = (chain, name, ...more) => [
      ...['node', '--chain', chain, '--datadir', join(place, name), '--listen', '127.0.0.1', '--p2p-port', '0', '--private-network'],
      ...['--port', '0', '--json-ready', '--log-level', 'warn', ...more],
    ];
    const knows = await start(args(next, 'knows')),
      hears = await start(args(old, 'hears', '--connect', knows.ready.node));
    await load(knows.url);
    await shows('the upgrade', said(`Upgrade ${UPGRADE} at block 120,000, in about 20 d`));
    assert.equal(await browser.evaluate(`document.querySelectorAll('main [role=alert]').length`), 0, 'nobody need do anything');
    await everywhere('upgrade');
    quiet(knows.url);
    await until('it has heard', async () => (await hears.rpc('posw_getUpgrades')).unknown.length === 1);
    await load(hears.url);
    await shows('the warning', `document.querySelector('main [role=alert]')?.textContent.startsWith('Peers in 1 part of the network expect an upgrade at block 120,000, in about 20 d')`);
    await everywhere('upgrade-unknown');
    quiet(hears.url);
    await Promise.all([knows.stop(), hears.stop()]);
  });

  test('a reorganisation while it is looked at', async () => {
    const chain = writeChainFile(folder);
    const [a, b] = [await startNode(chain, join(folder, 'reorg-a')), await startNode(chain, join(folder, 'reorg-b'))];
    const pa = ethersProvider(a);
    const staking = new Contract(STAKING, STAKING_ABI, ethersWallet(pa, 1));
    const { hash } = await staking.stake(ACCOUNTS[2].address, { value: parseEther('10') });
    await mineWith(a, ACCOUNTS[5].privateKey, 2);
    await mineWith(b, ACCOUNTS[6].privateKey, 4);
    const { blockHash } = await a.rpc('eth_getTransactionReceipt', hash);
    await load(`${a.url}/#/tx/${hash}`);
    await shows('it is in a block', `${said('succeeded')} && ${said('2 how many')}`);
    await go(`block/${blockHash}`, said('Confirmations\n2'));
    await tell(b, a, 1, 4);
    await shows('its block is on a side branch', said('This block is on a side branch'));
    await go(`tx/${hash}`, said('waits for a block'));
    await go(`stake/${ACCOUNTS[1].address}`, said('This address has staked nothing'));
    quiet(a.url);
    pa.destroy();
    await browser.open('about:blank');
    await Promise.all([a.stop(), b.stop()]);
  });

  test('a node that answers more slowly than it is asked is shown all the same', async () => {
    const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(() => { const { fetch } = window, every = setInterval;
        window.setInterval = (what, ms) => every(what, Math.min(ms, 100)); window.most = 0; let now = 0;
        window.fetch = async (...asked) => { most = Math.max(most, ++now); await new Promise((done) => setTimeout(done, 300)); return fetch(...asked).finally(() => now--); } })()`,
    });
    await load(node.url);
    await shows('its figures', `document.querySelectorAll('.rows li').length > 7`);
    await go('pending');
    await shows('what waits', said('in their sender’s numbers') + ' || ' + said('Nothing waits'));
    assert.ok((await browser.evaluate('most')) < 20, 'questions do not pile up');
    quiet(node.url);
    await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
  });

  test('a node that is behind', async () => {
    const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(() => { const { fetch } = window; window.behind = true;
        window.fetch = async (...asked) => { const answers = [await (await fetch(...asked)).json()].flat();
          for (const { result } of answers) if (result?.tip) result.syncing = behind;
          return new Response(JSON.stringify(answers)); } })()`,
    });
    await load(`${node.url}/#/address/${ACCOUNTS[0].address}`);
    await shows('the banner', `!document.getElementById('banner').hidden && ${said('catching up with the chain')}`);
    await everywhere('behind');
    await browser.evaluate('window.behind = false');
    await go('');
    await shows('the banner is gone', `document.getElementById('banner').hidden && document.getElementById('banner').textContent === ''`, 20000);
    quiet(node.url);
    await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
  });

  test('a node that stops, and comes back', async () => {
    const args = ['dev', '--no-mining', '--json-ready', '--log-level', 'warn', '--datadir', join(folder, 'again')],
      first = await start([...args, '--port', '0']),
      port = String(first.ready.port);
    await first.mine(1);
    await load(first.url);
    await shows('one block of one miner', `[...document.querySelectorAll('.more')].some(({ textContent }) => textContent.startsWith('1 block, '))`);
    await first.mine(2);
    await load(first.url);
    await shows('the chain', `document.querySelectorAll('.rows li').length === 4`);
    await first.stop();
    await shows('the banner', `!document.getElementById('banner').hidden && ${said('The node does not answer')}`);
    assert.equal(await browser.evaluate(`document.querySelectorAll('.rows li').length`), 4, 'what was known stays');
    const second = await start([...args, '--port', port]);
    await shows('the banner is gone', `document.getElementById('banner').hidden`, 15000);
    await second.mine();
    await shows('its next block', `document.querySelectorAll('.rows li').length === 5`, 15000);
    await browser.open('about:blank');
    await second.stop();
  });

  test('a node that hangs behind a WebSocket that stays open', async () => {
    const hangs = await start(['dev', '--no-mining', '--json-ready', '--log-level', 'warn', '--port', '0']);
    // The page's patience, shortened: half a second for an answer, and a question every half second.
    const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', {
      source: `(() => { const { timeout } = AbortSignal, every = setInterval;
        AbortSignal.timeout = (ms) => timeout.call(AbortSignal, Math.min(ms, 500)); window.setInterval = (what, ms) => every(what, Math.min(ms, 500)); })()`,
    });
    const live = `document.getElementById('live').dataset.state === 'live'`;
    await load(hangs.url);
    await shows('it is told of blocks', live, 20000);
    process.kill(hangs.child.pid, 'SIGSTOP');
    try {
      await shows('the banner', `!document.getElementById('banner').hidden && ${said('The node does not answer')}`, 20000);
    } finally {
      process.kill(hangs.child.pid, 'SIGCONT');
    }
    await hangs.mine();
    await shows('it goes on', `document.getElementById('banner').hidden && ${live} && document.querySelectorAll('.rows li').length === 2`, 30000);
    await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
    await browser.open('about:blank');
    await hangs.stop();
  });
});
