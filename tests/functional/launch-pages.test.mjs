// Pages for newcomers in a real browser: the one of `posw chain new --bundle` that adds a chain to a browser wallet (EIP-3085, EIP-6963), with wallets of ours,
// and the faucet's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { Browser } from './browser.mjs';
import { ACCOUNTS, COIN, run, start, startDev, temporaryFolder, until } from './lib.mjs';

const NAME = 'Gold </script> & "co"';
const folder = temporaryFolder();
let browser, page, server, origin;

// Two wallets: one announces itself, also before it is asked; the other sits at window.ethereum.
const WALLETS = `
  window.asked = [];
  const wallet = (name, refuse) => ({ request: async (what) => {
    window.asked.push({ name, ...what });
    if (refuse) throw Object.assign(new Error('no such network'), { code: refuse });
    return null;
  } });
  const info = { uuid: 'c0ffee00-0000-4000-8000-000000000000', name: 'Test <b>Wallet</b>', icon: 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg"/%3E', rdns: 'org.example' };
  const good = wallet('good'), bad = wallet('bad', 4001), worse = wallet('worse', -32603);
  const announce = () => {
    for (const [provider, name] of [[good, info.name], [bad, 'Decliner'], [worse, 'Broken']])
      dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info: { ...info, name }, provider }) }));
    dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: null }));
  };
  if (WITH_6963) addEventListener('eip6963:requestProvider', announce);
  else window.ethereum = wallet('old');
`;

before(async () => {
  const made = await run(['chain', 'new', '--name', NAME, '--ticker', 'GOLD', '--chain-id', '424242', '--bundle', join(folder, 'b'),
    '--rpc-urls', 'https://rpc.example.org/posw?a=1&b=2,http://localhost:8545', '--explorer', 'https://explorer.example.org']);
  assert.equal(made.code, 0, made.stderr);
  page = readFileSync(join(folder, 'b', 'add-network.html'));
  server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(page)).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  origin = `http://127.0.0.1:${server.address().port}/`;
  browser = await Browser.start();
});
after(async () => {
  server?.close();
  server?.closeAllConnections();
  await browser?.stop();
});

async function open(with6963, options) {
  const { identifier } = await browser.send('Page.addScriptToEvaluateOnNewDocument', { source: WALLETS.replace('WITH_6963', with6963) });
  const seen = await browser.open(origin, options);
  await browser.send('Page.removeScriptToEvaluateOnNewDocument', { identifier });
  return seen;
}
const press = (label) => browser.evaluate(`[...document.querySelectorAll('button')].find((b) => b.textContent === ${JSON.stringify(`Add to ${label}`)}).click()`);
const said = (part) => until(`"${part}"`, async () => (await browser.evaluate(`document.getElementById('said').textContent`)).includes(part));

test('a wallet that announces itself is asked for this network, with what MetaMask demands', async () => {
  const seen = await open(true);
  await press('Test <b>Wallet</b>');
  await said('is in Test <b>Wallet</b>');
  const [{ name, method, params, ...more }, ...others] = await browser.evaluate('window.asked');
  assert.deepEqual([name, method, more, others], ['good', 'wallet_addEthereumChain', {}, []]);
  assert.deepEqual(params, [{
    chainId: '0x67932', chainName: NAME, nativeCurrency: { name: 'GOLD', symbol: 'GOLD', decimals: 18 },
    rpcUrls: ['https://rpc.example.org/posw?a=1&b=2', 'http://localhost:8545'], blockExplorerUrls: ['https://explorer.example.org'],
  }]);
  assert.match(params[0].chainId, /^0x[1-9a-f][0-9a-f]*$/);
  assert.ok(params[0].chainName.length <= 100);
  assert.deepEqual([seen.errors, seen.requests.filter((url) => !url.startsWith('data:') && !url.endsWith('/favicon.ico'))], [[], [origin]]);
});

test('what a wallet answers is told', async () => {
  await open(true);
  await press('Decliner');
  await said('You declined');
  await press('Broken');
  await said('Broken did not add it: no such network');
});

test('an older wallet is found, and without any the page says what to do', async () => {
  await open(false);
  await until('a button', () => browser.evaluate(`document.querySelectorAll('button').length === 1`));
  await press('the browser wallet');
  await said('is in the browser wallet');
  await browser.open(origin);
  assert.equal(await browser.evaluate(`!document.getElementById('none').hidden && document.querySelectorAll('button').length === 0`), true);
});

test('it fits a phone, in both schemes, and shows the values for those who type them', async () => {
  for (const scheme of ['light', 'dark']) {
    await open(true, { scheme, width: 390, height: 844 });
    assert.equal(await browser.evaluate('document.documentElement.scrollWidth <= 390'), true, 'a phone that zooms out has a greater innerWidth');
  }
  const text = await browser.evaluate('document.body.innerText');
  for (const part of [NAME, '424242', 'GOLD', 'https://rpc.example.org/posw?a=1&b=2']) assert.ok(text.includes(part), part);
});

test('the faucet is asked through its page', async () => {
  const keys = ['--keystore', join(folder, 'keys'), '--password-file', join(folder, 'password')], to = '0x00000000000000000000000000000000FaCe0001';
  writeFileSync(join(folder, 'password'), 'x\n');
  writeFileSync(join(folder, 'key'), ACCOUNTS[1].privateKey);
  const imported = await run(['wallet', 'import', '--light', '--key-file', join(folder, 'key'), ...keys]);
  assert.equal(imported.code, 0, imported.stderr);
  const node = await startDev();
  const faucet = await start(['faucet', '--from', ACCOUNTS[1].address, '--rpc', node.url, '--listen', '0', '--datadir', join(folder, 'faucet'), '--json-ready', ...keys]);
  const seen = await browser.open(faucet.ready.url, { width: 390, height: 844 });
  await until('the limits', async () => (await browser.evaluate(`document.getElementById('about').textContent`)).includes('1 coins for each address in 24 hours'));
  const submit = `document.getElementById('address').value = '${to.toLowerCase()}'; document.getElementById('ask').click()`;
  await browser.evaluate(submit);
  await said('1 coins are on their way: transaction 0x');
  await node.mine();
  assert.equal(await node.balance(to), COIN);
  await browser.evaluate(submit);
  await said('this address has had its coins');
  assert.equal(await browser.evaluate('document.documentElement.scrollWidth <= 390'), true, 'a phone that zooms out has a greater innerWidth');
  assert.deepEqual([seen.errors, seen.requests.filter((url) => !url.startsWith('data:') && !url.startsWith(faucet.ready.url))], [[], []]);
  await faucet.stop();
  await node.stop();
});
