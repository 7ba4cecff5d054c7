// Transfers of all three types by ethers and viem: receipts, fees to the wei, balances, order within a block.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Transaction, Wallet, getBytes, keccak256 } from 'ethers';

import { ACCOUNTS, COIN, GWEI, STAKING, ethersProvider, ethersWallet, startDev, startMining, viemClients } from './lib.mjs';

const ACCESS_LIST = [{ address: STAKING, storageKeys: ['0x' + '00'.repeat(32), '0x' + '00'.repeat(31) + '01'] }];
const dead = (n) => '0x' + n.toString(16).padStart(40, 'd');

let node, provider;
before(async () => {
  node = await startDev();
  provider = ethersProvider(node);
});
after(async () => {
  provider.destroy();
  await node.stop();
});

/** Sends by `send`, mines, and checks every amount that moved. */
async function checkTransfer({ send, from, to, value, gas, type, price }) {
  const before = { from: await node.balance(from), to: await node.balance(to), miner: await node.balance(ACCOUNTS[0].address) };
  const hash = await send();
  const pending = await node.rpc('eth_getTransactionByHash', hash);
  assert.equal(pending.blockHash, null);
  assert.equal(pending.blockNumber, null);
  assert.equal(pending.transactionIndex, null);
  assert.equal(await node.rpc('eth_getTransactionReceipt', hash), null);
  const receipt = await node.mined(hash);
  const block = await node.rpc('eth_getBlockByNumber', receipt.blockNumber, true);
  const base = BigInt(block.baseFeePerGas);
  const expectedPrice = price(base);

  assert.equal(receipt.status, '0x1');
  assert.equal(Number(receipt.type), type);
  assert.equal(BigInt(receipt.gasUsed), gas);
  assert.equal(BigInt(receipt.cumulativeGasUsed), gas);
  assert.equal(BigInt(receipt.effectiveGasPrice), expectedPrice);
  assert.equal(receipt.from, from.toLowerCase());
  assert.equal(receipt.to, to.toLowerCase());
  assert.equal(receipt.contractAddress, null);
  assert.deepEqual(receipt.logs, []);
  assert.match(receipt.logsBloom, /^0x0{512}$/);
  assert.equal(receipt.blockHash, block.hash);

  assert.equal(before.from - (await node.balance(from)), value + gas * expectedPrice, 'the sender pays value and fee');
  assert.equal((await node.balance(to)) - before.to, value, 'the receiver gets the value');
  assert.equal((await node.balance(ACCOUNTS[0].address)) - before.miner, 2n * COIN + gas * (expectedPrice - base), 'the miner gets reward and tip');

  const [tx] = block.transactions;
  assert.deepEqual(await node.rpc('eth_getTransactionByHash', hash), tx);
  assert.deepEqual(await node.rpc('eth_getTransactionByBlockHashAndIndex', block.hash, '0x0'), tx);
  assert.deepEqual(await node.rpc('eth_getTransactionByBlockNumberAndIndex', block.number, '0x0'), tx);
  assert.equal(BigInt(tx.gasPrice), expectedPrice, 'of a mined transaction: what was paid');
  const raw = await node.rpc('eth_getRawTransactionByHash', hash);
  assert.equal(keccak256(raw), hash);
  const parsed = Transaction.from(raw);
  assert.equal(parsed.from.toLowerCase(), tx.from);
  assert.deepEqual([BigInt(tx.r), BigInt(tx.s)], [BigInt(parsed.signature.r), BigInt(parsed.signature.s)]);
  assert.equal(BigInt(tx.v), type === 0 ? BigInt(parsed.signature.networkV) : BigInt(parsed.signature.yParity));
  return { tx, receipt, block };
}

describe('ethers', () => {
  const kinds = [
    ['type 0', { type: 0, gasPrice: 3n * GWEI }, 0, 21000n, () => 3n * GWEI],
    ['type 1', { type: 1, gasPrice: 4n * GWEI, accessList: ACCESS_LIST, gasLimit: 60000n }, 1, 21000n + 2400n + 2n * 1900n, () => 4n * GWEI],
    ['type 2', { type: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI }, 2, 21000n, (base) => base + 2n * GWEI],
    ['type 2 at its cap', { type: 2, maxFeePerGas: 2n * GWEI, maxPriorityFeePerGas: 2n * GWEI }, 2, 21000n, () => 2n * GWEI],
    ['type 2 with an access list', { type: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 1n, accessList: ACCESS_LIST, gasLimit: 60000n }, 2, 27200n, (base) => base + 1n],
    ['type 2 without a tip', { type: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 0n }, 2, 21000n, (base) => base],
    ['with data', { type: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 1n, data: '0x0001020000ff' }, 2, 21000n + 3n * 4n + 3n * 16n, (base) => base + 1n],
  ];
  for (const [name, fields, type, gas, price] of kinds)
    test(name, async () => {
      const wallet = ethersWallet(provider, 1);
      const value = 123456789n;
      const send = async () => (await wallet.sendTransaction({ to: dead(1), value, ...fields })).hash;
      const { tx } = await checkTransfer({ send, from: wallet.address, to: dead(1), value, gas, type, price });
      assert.equal(tx.input, fields.data ?? '0x');
      assert.equal(tx.chainId, '0x539');
      if (type === 2) assert.deepEqual([BigInt(tx.maxFeePerGas), BigInt(tx.maxPriorityFeePerGas)], [fields.maxFeePerGas, fields.maxPriorityFeePerGas]);
      else assert.equal(tx.maxFeePerGas, undefined);
      assert.deepEqual(tx.accessList, type === 0 ? undefined : (fields.accessList ?? []));
      assert.equal(tx.yParity, type === 0 ? undefined : tx.v);
    });

  test('everything left to the library', async () => {
    const wallet = ethersWallet(provider, 2);
    const before = await provider.getBalance(wallet.address);
    const sent = await wallet.sendTransaction({ to: dead(2), value: COIN });
    assert.equal(sent.type, 2);
    assert.equal(sent.gasLimit, 21000n, 'eth_estimateGas of a transfer is exact');
    setTimeout(() => node.mine(), 100);
    const receipt = await sent.wait(1, 5000);
    assert.equal(receipt.status, 1);
    assert.equal(await provider.getBalance(wallet.address), before - COIN - receipt.fee);
    assert.equal(await provider.getBalance(dead(2)), COIN);
    const read = await provider.getTransaction(sent.hash);
    assert.equal(read.from, wallet.address);
    assert.equal(read.value, COIN);
    assert.equal(await read.confirmations(), 1);
    assert.deepEqual((await (await provider.getBlock('latest', true)).getTransaction(0)).hash, sent.hash);
  });
});

describe('viem', () => {
  const kinds = [
    ['legacy', { type: 'legacy', gasPrice: 3n * GWEI }, 0, 21000n, () => 3n * GWEI],
    ['eip2930', { type: 'eip2930', gasPrice: 4n * GWEI, accessList: ACCESS_LIST }, 1, 27200n, () => 4n * GWEI],
    ['eip1559', { type: 'eip1559', maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI }, 2, 21000n, (base) => base + 2n * GWEI],
  ];
  for (const [name, fields, type, gas, price] of kinds)
    test(name, async () => {
      const { reader, writer } = viemClients(node, 3);
      const value = 987654321n;
      const send = () => writer.sendTransaction({ to: dead(3), value, ...fields });
      const { tx } = await checkTransfer({ send, from: writer.account.address, to: dead(3), value, gas, type, price });
      const read = await reader.getTransaction({ hash: tx.hash });
      assert.equal(read.type, name);
      assert.equal(read.value, value);
      assert.equal(read.blockHash, tx.blockHash);
      const receipt = await reader.getTransactionReceipt({ hash: tx.hash });
      assert.equal(receipt.status, 'success');
      assert.equal(receipt.gasUsed, gas);
    });

  test('everything left to the library', async () => {
    const { reader, writer } = viemClients(node, 4);
    const hash = await writer.sendTransaction({ to: dead(4), value: COIN });
    setTimeout(() => node.mine(), 100);
    const receipt = await reader.waitForTransactionReceipt({ hash, timeout: 5000 });
    assert.equal(receipt.status, 'success');
    assert.equal(receipt.type, 'eip1559');
    assert.equal(receipt.gasUsed, 21000n);
    assert.equal(await reader.getBalance({ address: dead(4) }), COIN);
    assert.equal(await reader.getTransactionCount({ address: writer.account.address }), 1);
  });
});

describe('a block of many', () => {
  test('best tip first, nonces in order, cumulative gas, receipts by block', async () => {
    const senders = [5, 6, 7].map((i) => ethersWallet(provider, i));
    const tips = [1n, 5n, 3n];
    const sent = [];
    for (const [k, wallet] of senders.entries())
      for (let n = 0; n < 3; n++)
        sent.push(await wallet.sendTransaction({ to: dead(5), value: BigInt(n), nonce: n, maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: tips[k] * GWEI, gasLimit: 21000 }));
    assert.equal(await provider.getTransactionCount(senders[0].address, 'pending'), 3);
    assert.equal(await provider.getTransactionCount(senders[0].address), 0);
    assert.deepEqual(await node.rpc('txpool_status'), { pending: '0x9', queued: '0x0' });
    await node.mine();
    const block = await node.rpc('eth_getBlockByNumber', 'latest', true);
    assert.equal(block.transactions.length, 9);
    const order = block.transactions.map((t) => [senders.findIndex((w) => w.address.toLowerCase() === t.from), Number(t.nonce)]);
    assert.deepEqual(order, [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2], [0, 0], [0, 1], [0, 2]]);
    const receipts = await node.rpc('eth_getBlockReceipts', block.number);
    assert.deepEqual(receipts.map((r) => Number(r.cumulativeGasUsed)), Array.from({ length: 9 }, (_, i) => 21000 * (i + 1)));
    assert.deepEqual(receipts.map((r) => Number(r.transactionIndex)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const r of receipts) assert.deepEqual(await node.rpc('eth_getTransactionReceipt', r.transactionHash), r);
    assert.deepEqual(await node.rpc('eth_getBlockReceipts', block.hash), receipts);
    assert.equal(Number(block.gasUsed), 9 * 21000);
    assert.deepEqual((await node.rpc('eth_getBlockByNumber', 'latest', false)).transactions, block.transactions.map((t) => t.hash));
    assert.equal(await node.rpc('eth_getBlockTransactionCountByNumber', 'latest'), '0x9');
    assert.equal(await provider.getTransactionCount(senders[0].address), 3);
    assert.equal(sent.length, 9);
  });

  test('a gap waits; filled, all go', async () => {
    const wallet = Wallet.createRandom(provider);
    const funder = ethersWallet(provider, 8);
    await funder.sendTransaction({ to: wallet.address, value: COIN });
    await node.mine();
    const send = (nonce) => wallet.sendTransaction({ to: dead(6), value: 1n, nonce, gasLimit: 21000, maxFeePerGas: 5n * GWEI, maxPriorityFeePerGas: GWEI });
    await send(1);
    await send(2);
    assert.deepEqual(await node.rpc('txpool_status'), { pending: '0x0', queued: '0x2' });
    const content = await node.rpc('txpool_content');
    assert.deepEqual(Object.keys(content.queued[wallet.address]), ['1', '2']);
    assert.deepEqual((await node.rpc('txpool_contentFrom', wallet.address)).queued['2'].nonce, '0x2');
    assert.match((await node.rpc('txpool_inspect')).queued[wallet.address]['1'], /1 wei \+ 21000 gas/);
    await node.mine();
    assert.equal(await provider.getTransactionCount(wallet.address), 0);
    await send(0);
    assert.deepEqual(await node.rpc('txpool_status'), { pending: '0x3', queued: '0x0' });
    await node.mine();
    assert.equal(await provider.getTransactionCount(wallet.address), 3);
  });

  test('a replacement at ten percent more is the one that is mined', async () => {
    const wallet = ethersWallet(provider, 9);
    const nonce = await wallet.getNonce();
    const offer = (percent, to) => wallet.sendTransaction({ to, value: 1n, nonce, gasLimit: 21000, maxFeePerGas: (10n * GWEI * percent) / 100n, maxPriorityFeePerGas: (GWEI * percent) / 100n });
    const first = await offer(100n, dead(7));
    const second = await offer(110n, dead(8));
    await node.mine();
    assert.equal(await provider.getTransactionReceipt(first.hash), null);
    assert.equal(await provider.getTransaction(first.hash), null);
    assert.equal((await provider.getTransactionReceipt(second.hash)).status, 1);
    assert.equal(await provider.getBalance(dead(7)), 0n);
  });

  test('to oneself, of nothing, and of everything', async () => {
    const wallet = ethersWallet(provider, 9);
    const before = await provider.getBalance(wallet.address);
    const own = await wallet.sendTransaction({ to: wallet.address, value: COIN });
    await node.mine();
    const receipt = await provider.getTransactionReceipt(own.hash);
    assert.equal(await provider.getBalance(wallet.address), before - receipt.fee);

    await wallet.sendTransaction({ to: dead(9), value: 0n });
    await node.mine();
    const proof = await node.rpc('eth_getProof', dead(9), [], 'latest');
    assert.equal(proof.balance, '0x0');

    const poor = Wallet.createRandom(provider);
    await wallet.sendTransaction({ to: poor.address, value: COIN });
    await node.mine();
    const price = 50n * GWEI;
    await poor.sendTransaction({ type: 0, to: dead(10), value: COIN - 21000n * price, gasLimit: 21000, gasPrice: price });
    await node.mine();
    assert.equal(await provider.getBalance(poor.address), 0n);
    assert.equal(await provider.getBalance(dead(10)), COIN - 21000n * price);
  });

  test('the supply is the sum of all balances', async () => {
    const seen = new Set([STAKING, ...ACCOUNTS.map((a) => a.address.toLowerCase())]);
    const tip = await node.number();
    for (let n = 1; n <= tip; n++) {
      const block = await node.rpc('eth_getBlockByNumber', '0x' + n.toString(16), true);
      for (const t of block.transactions) seen.add(t.to).add(t.from);
    }
    let sum = 0n;
    for (const address of seen) sum += await node.balance(address);
    assert.equal(BigInt(await node.rpc('eth_getStorageAt', STAKING, '0x4', 'latest')), sum, 'S9');
  });
});

describe('with blocks of a second', () => {
  test('an unmodified client waits for its receipts', async () => {
    const mining = await startMining();
    const { JsonRpcProvider } = await import('ethers');
    const plain = new JsonRpcProvider(mining.url);
    const wallet = new Wallet(ACCOUNTS[1].privateKey, plain);
    const receipt = await (await wallet.sendTransaction({ to: dead(1), value: COIN })).wait();
    assert.equal(receipt.status, 1);
    assert.ok(getBytes(receipt.blockHash).length === 32);
    const { reader, writer } = viemClients(mining, 2);
    const hash = await writer.sendTransaction({ to: dead(1), value: COIN });
    assert.equal((await reader.waitForTransactionReceipt({ hash })).status, 'success');
    assert.equal(await mining.balance(dead(1)), 2n * COIN);
    plain.destroy();
    await mining.stop();
  });
});
