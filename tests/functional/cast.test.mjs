// The command-line client of Foundry, as it is published.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ACCOUNTS, COIN, ROOT, STAKING, run, startMining, until } from './lib.mjs';

const CAST = join(ROOT, 'tests/functional/node_modules/@foundry-rs/cast-linux-amd64/bin/cast');
const skip = process.arch === 'x64' && process.platform === 'linux' ? false : 'this package of cast has no binary for this machine';
const [sender, receiver] = [ACCOUNTS[1], ACCOUNTS[9]];
let node;

async function castRaw(...args) {
  const env = { NO_COLOR: '1', HOME: '/nonexistent', FOUNDRY_DISABLE_NIGHTLY_WARNING: '1' };
  return run([...args, '--rpc-url', node.url], { command: CAST, timeoutMs: 20000, env });
}
async function cast(...args) {
  const { code, stdout, stderr } = await castRaw(...args);
  assert.equal(code, 0, `cast ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
const json = async (...args) => JSON.parse(await cast(...args, '--json'));

describe('cast', { skip }, () => {
  before(async () => {
    node = await startMining();
    await until('two blocks', async () => (await node.number()) >= 2);
  });
  after(() => node.stop());

  test('chain-id, client, block-number, gas-price, base-fee', async () => {
    assert.equal(await cast('chain-id'), '1337');
    assert.match(await cast('client'), /^posw\//);
    assert.match(await cast('block-number'), /^\d+$/);
    assert.ok(BigInt(await cast('gas-price')) > 0n);
    assert.equal(BigInt(await cast('base-fee')), 10n ** 9n);
    assert.equal((await cast('chain')).length > 0, true);
  });

  test('block', async () => {
    const genesis = await json('block', '0');
    assert.equal(genesis.hash, node.ready.genesis);
    const latest = await json('block', 'latest');
    assert.equal(Number(latest.miner), Number(ACCOUNTS[0].address));
    assert.match(await cast('block', 'latest'), /stateRoot\s+0x/);
    assert.equal(await cast('block', latest.hash, '--field', 'number'), String(Number(latest.number)));
    const first = await json('block', '1');
    assert.equal(await cast('find-block', String(Number(first.timestamp))), '1');
    assert.match(await cast('age', '0'), /20\d\d/);
  });

  test('balance, nonce, code, storage', async () => {
    assert.equal(await cast('balance', receiver.address), String(10000n * COIN));
    assert.equal(await cast('balance', receiver.address, '--ether'), '10000.000000000000000000');
    assert.equal(await cast('nonce', receiver.address), '0');
    assert.equal(await cast('code', STAKING), '0xfe706f7377');
    assert.equal(await cast('codesize', STAKING), '5');
    assert.match(await cast('storage', STAKING, '0'), /^0x0{64}$/);
  });

  test('send, receipt, tx: all three types', async () => {
    for (const [flags, type] of [[['--legacy'], '0x0'], [['--access-list', '[]'], null], [[], '0x2']]) {
      const receipt = await json('send', receiver.address, '--value', '1ether', '--private-key', sender.privateKey, ...flags);
      assert.equal(receipt.status, '0x1');
      if (type) assert.equal(receipt.type, type);
      assert.equal(receipt.gasUsed, type === null ? receipt.gasUsed : '0x5208');
      const again = await json('receipt', receipt.transactionHash);
      assert.equal(again.blockHash, receipt.blockHash);
      const tx = await json('tx', receipt.transactionHash);
      assert.equal(BigInt(tx.value), COIN);
      assert.equal(await cast('tx', receipt.transactionHash, 'nonce'), String(Number(tx.nonce)));
      assert.match(await cast('tx', receipt.transactionHash, '--raw'), /^0x/);
    }
    assert.equal(await cast('balance', receiver.address), String(10003n * COIN));
  });

  test('estimate, mktx, publish', async () => {
    assert.equal(await cast('estimate', receiver.address, '--value', '1', '--from', sender.address), '21000');
    const raw = await cast('mktx', receiver.address, '--value', '5', '--private-key', sender.privateKey);
    const receipt = JSON.parse(await cast('publish', raw));
    assert.equal(receipt.status, '0x1');
  });

  test('staking: send, call, logs, revert', async () => {
    const receipt = await json('send', STAKING, 'stake(address)', ACCOUNTS[2].address, '--value', '1000ether', '--private-key', sender.privateKey);
    assert.equal(receipt.status, '0x1');
    assert.equal(receipt.logs.length, 1);
    assert.match(await cast('call', STAKING, 'stakeOf(address)(uint256)', ACCOUNTS[2].address), /^1000000000000000000000/);
    assert.match(await cast('call', STAKING, 'stakeOf(address,address)(uint256)', sender.address, ACCOUNTS[2].address), /^1000000000000000000000/);
    assert.equal(await cast('call', STAKING, 'signerOf(address)(address)', ACCOUNTS[2].address), ACCOUNTS[2].address);
    const logs = await json('logs', '--from-block', '0', '--to-block', 'latest', '--address', STAKING, 'Staked(address indexed owner, address indexed miner, uint256 amount, uint256 activeFrom)');
    assert.equal(logs.length, 1);
    assert.equal(logs[0].transactionHash, receipt.transactionHash);
    const refused = await castRaw('call', STAKING, 'withdraw()', '--from', sender.address);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /withdraw: no exits/);
    const failed = await castRaw('send', STAKING, 'withdraw()', '--private-key', sender.privateKey);
    assert.match(failed.stderr, /withdraw: no exits/);
  });

  test('refusals', async () => {
    const low = await castRaw('send', receiver.address, '--value', '1', '--nonce', '0', '--private-key', sender.privateKey);
    assert.match(low.stderr, /nonce too low: next nonce \d+, tx nonce 0/);
    const poor = await castRaw('send', receiver.address, '--value', '99999ether', '--private-key', ACCOUNTS[8].privateKey, '--gas-limit', '21000');
    assert.match(poor.stderr, /insufficient funds for gas \* price \+ value/);
  });

  test('proof, rpc, access-list, tx-pool', async () => {
    const proof = await json('proof', STAKING, '0x0');
    assert.equal(BigInt(proof.storageProof[0].value), 1000n * COIN);
    assert.equal(await cast('rpc', 'net_version'), '"1337"');
    const miner = JSON.parse(await cast('rpc', 'posw_getMiner', ACCOUNTS[0].address));
    assert.equal(miner.weight, '0x1');
    assert.match((await castRaw('rpc', 'eth_nothing')).stderr, /does not exist\/is not available/);
    assert.match(await cast('access-list', STAKING, 'totalStake()'), /access list/);
    assert.equal((await castRaw('tx-pool', 'status')).code, 0);
  });
});
