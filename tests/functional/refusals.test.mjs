// Every refusal: its code and text as they are sent, and what ethers and viem make of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { RLP } from '@ethereumjs/rlp';
import { SigningKey, Transaction, Wallet } from 'ethers';
import { BaseError, MethodNotFoundRpcError, NonceTooLowError } from 'viem';
import { getNodeError } from 'viem/utils';

import { bytes, keccak, text } from './chain.mjs';
import { ACCOUNTS, COIN, GWEI, STAKING, ethersProvider, ethersWallet, startDev, viemClients } from './lib.mjs';

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const to = ACCOUNTS[9].address;
let node, provider;
before(async () => {
  node = await startDev();
  provider = ethersProvider(node);
  // account 1 has sent one transaction; account 2 has one waiting
  await ethersWallet(provider, 1).sendTransaction({ to, value: 1n });
  await node.mine();
  waiting = await sign(2, { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: 2n * GWEI });
  await node.rpc('eth_sendRawTransaction', waiting);
});
after(async () => {
  provider.destroy();
  await node.stop();
});

let waiting;
const base = { type: 2, chainId: 1337, nonce: 0, to, value: 1n, gasLimit: 21000n, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
/** ethers refuses to sign some of what has to be refused here: its checks are gone around where needed. */
function sign(i, fields) {
  const key = i.privateKey ?? ACCOUNTS[i].privateKey;
  const tx = Transaction.from({ ...base, ...fields });
  tx.signature = new SigningKey(key).sign(tx.unsignedHash);
  return tx.serialized;
}
/** A type 2 transaction from its fields as numbers, signed. */
function signRaw(i, { chainId = 1337n, nonce = 0n, tip = GWEI, cap = 10n * GWEI, gas = 21000n, target = to, value = 1n, data = '0x', type = 2 } = {}, change = (s) => s) {
  const n = (v) => (v === 0n ? new Uint8Array() : bytes(v.toString(16).padStart(2 * Math.ceil(v.toString(16).length / 2), '0')));
  const fields = [n(chainId), n(nonce), n(tip), n(cap), n(gas), bytes(target), n(value), bytes(data), []];
  const wrap = (list) => Buffer.concat([Buffer.from([type]), RLP.encode(list)]);
  const s = new SigningKey(ACCOUNTS[i].privateKey).sign(text(keccak(wrap(fields))));
  const { v, r, sValue } = change({ v: BigInt(s.yParity), r: BigInt(s.r), sValue: BigInt(s.s) });
  return text(wrap([...fields, n(v), n(r), n(sValue)]));
}
function signLegacy(i, v0) {
  const n = (v) => (v === 0n ? new Uint8Array() : bytes(v.toString(16).padStart(2 * Math.ceil(v.toString(16).length / 2), '0')));
  const fields = [n(0n), n(3n * GWEI), n(21000n), bytes(to), n(1n), new Uint8Array()];
  const s = new SigningKey(ACCOUNTS[i].privateKey).sign(text(keccak(RLP.encode(fields))));
  return text(RLP.encode([...fields, n(BigInt(s.yParity) + v0), n(BigInt(s.r)), n(BigInt(s.s))]));
}

describe('transactions', () => {
  const poor = Wallet.createRandom();
  // name, what is sent, text, what ethers calls it, what viem calls it
  const cases = [
    ['nonce below the account', () => sign(1, {}), /^nonce too low: next nonce 1, tx nonce 0$/, 'NONCE_EXPIRED', 'NonceTooLowError'],
    ['nonce far ahead', () => sign(3, { nonce: 20000 }), /^nonce too high: next nonce 0, tx nonce 20000/, null, 'NonceTooHighError'],
    ['the last nonce', () => signRaw(3, { nonce: 2n ** 64n - 1n }), /^nonce has max value: 2\^64-1/, null, 'NonceMaxValueError'],
    ['no funds', () => sign(poor, {}), /^insufficient funds for gas \* price \+ value: balance 0, tx cost 210000000000001, overshot 210000000000001$/, 'INSUFFICIENT_FUNDS', 'InsufficientFundsError'],
    ['too much value', () => sign(3, { value: 10000n * COIN }), /^insufficient funds for gas \* price \+ value: balance 10000000000000000000000, tx cost/, 'INSUFFICIENT_FUNDS', 'InsufficientFundsError'],
    ['value that overflows', () => sign(3, { value: 2n ** 256n - 1n }), /^insufficient funds for gas \* price \+ value/, 'INSUFFICIENT_FUNDS', 'InsufficientFundsError'],
    ['the same again', () => waiting, /^already known$/, null, null],
    ['a replacement for too little more', () => sign(2, { maxFeePerGas: 11n * GWEI - 1n, maxPriorityFeePerGas: 3n * GWEI }), /^replacement transaction underpriced/, 'REPLACEMENT_UNDERPRICED', null],
    ['a replacement with a higher cap alone', () => sign(2, { maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 2n * GWEI }), /^replacement transaction underpriced/, 'REPLACEMENT_UNDERPRICED', null],
    ['tip above cap', () => signRaw(3, { tip: 11n * GWEI }), /^max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 11000000000, maxFeePerGas: 10000000000$/, null, 'TipAboveFeeCapError'],
    ['below the minimum fee', () => sign(3, { maxFeePerGas: GWEI - 1n, maxPriorityFeePerGas: 0n }), /^transaction underpriced/, null, null],
    ['gas below the transfer', () => sign(3, { gasLimit: 20999n }), /^intrinsic gas too low: gas 20999, minimum needed 21000$/, null, 'IntrinsicGasTooLowError'],
    ['gas below the data', () => sign(3, { data: '0xff' }), /^intrinsic gas too low: gas 21000, minimum needed 21016$/, null, 'IntrinsicGasTooLowError'],
    ['gas above the block', () => sign(3, { gasLimit: 600000001n }), /^exceeds block gas limit/, null, null],
    ['type 3', () => signRaw(3, { type: 3 }), /^transaction type not supported: type 3/, null, 'TransactionTypeNotSupportedError'],
    ['type 4', () => signRaw(3, { type: 4 }), /^transaction type not supported: type 4/, null, 'TransactionTypeNotSupportedError'],
    ['type 0x7f', () => '0x7fc0', /^transaction type not supported/, null, 'TransactionTypeNotSupportedError'],
    ['no replay protection', () => signLegacy(3, 27n), /^only replay-protected \(EIP-155\) transactions allowed over RPC$/, 'UNSUPPORTED_OPERATION', null],
    ['another chain', () => sign(3, { chainId: 1 }), /^invalid chain id for signer: have 1 want 1337$/, null, null],
    ['another chain, legacy', () => signLegacy(3, 37n), /^invalid chain id for signer: have 1 want 1337$/, null, null],
    ['a high s (EIP-2)', () => signRaw(3, {}, ({ v, r, sValue }) => ({ v: 1n - v, r, sValue: N - sValue })), /^invalid sender/, null, null],
    ['r of zero', () => signRaw(3, {}, (s) => ({ ...s, r: 0n })), /^invalid sender/, null, null],
    ['r above the order', () => signRaw(3, {}, (s) => ({ ...s, r: N })), /^invalid sender/, null, null],
    ['a parity of 2', () => signRaw(3, {}, (s) => ({ ...s, v: 2n })), /^invalid sender|malformed/, null, null],
    ['a contract', () => signRaw(3, { target: '0x', gas: 100000n }), /^contract creation is not supported: this chain has no contract VM/, null, null],
    ['too large', () => sign(3, { data: '0x' + '00'.repeat(131072), gasLimit: 1000000n }), /^oversized data/, null, null],
    ['nothing', () => '0x', /malformed/, null, null],
    ['a byte behind it', () => sign(3, {}) + '00', /malformed/, null, null],
    ['a byte short', () => sign(3, {}).slice(0, -2), /malformed/, null, null],
    ['leading zeros', () => text(Buffer.concat([Buffer.from([2]), RLP.encode([...RLP.decode('0x' + sign(3, {}).slice(4)).map((f, i) => (i === 1 ? Uint8Array.of(0) : f))])])), /malformed/, null, null],
  ];
  for (const [name, make, message, ethersCode, viemName] of cases)
    test(name, async () => {
      const raw = await make();
      const pool = await node.rpc('txpool_status');
      await assert.rejects(node.rpc('eth_sendRawTransaction', raw), (error) => {
        assert.equal(error.code, -32000);
        assert.match(error.message, message);
        return true;
      });
      if (ethersCode)
        await assert.rejects(provider.send('eth_sendRawTransaction', [raw]), (error) => {
          assert.equal(error.code, ethersCode);
          return true;
        });
      if (viemName) {
        const error = await viemClients(node).reader.request({ method: 'eth_sendRawTransaction', params: [raw] }).catch((e) => e);
        assert.ok(error instanceof BaseError);
        assert.equal(getNodeError(error, {}).name, viemName);
      }
      assert.deepEqual(await node.rpc('txpool_status'), pool, 'the pool is unchanged');
    });

  test('through the high-level calls of the libraries', async () => {
    const { writer } = viemClients(node, 1);
    await assert.rejects(writer.sendTransaction({ to, value: 1n, nonce: 0, gas: 21000n, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 1n }), (error) => {
      assert.ok(error.walk((e) => e instanceof NonceTooLowError), error.message);
      return true;
    });
    await assert.rejects(ethersWallet(provider, 1).sendTransaction({ to, value: 1n, nonce: 0, gasLimit: 21000 }), { code: 'NONCE_EXPIRED' });
    await assert.rejects(ethersWallet(provider, 3).sendTransaction({ to, value: 20000n * COIN }), { code: 'INSUFFICIENT_FUNDS' });
    await assert.rejects(ethersWallet(provider, 2).sendTransaction({ to, value: 2n, nonce: 0, gasLimit: 21000, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: 2n * GWEI }), { code: 'REPLACEMENT_UNDERPRICED' });
    await assert.rejects(ethersWallet(provider, 3).sendTransaction({ data: '0x6001600055', gasLimit: 100000 }), /contract creation is not supported/);
    await assert.rejects(writer.deployContract({ abi: [], bytecode: '0x6001600055' }), /contract creation is not supported/);
  });

  test('64 behind a gap, then no more', async () => {
    const send = (nonce) => node.rpc('eth_sendRawTransaction', sign(4, { nonce }));
    for (let n = 1; n <= 64; n++) await send(n);
    await assert.rejects(send(65), { code: -32000, message: /^nonce too high: .*64 transactions are already waiting behind the gap/ });
    await send(0);
    await node.mine();
    assert.equal(await provider.getTransactionCount(ACCOUNTS[4].address), 65);
  });

  test('the sum of all that waits must be payable', async () => {
    const value = 4000n * COIN;
    for (const nonce of [0, 1]) await node.rpc('eth_sendRawTransaction', sign(5, { nonce, value }));
    await assert.rejects(node.rpc('eth_sendRawTransaction', sign(5, { nonce: 2, value })), { code: -32000, message: /^insufficient funds for gas \* price \+ value: balance \d+, queued cost/ });
  });
});

describe('calls', () => {
  const from = ACCOUNTS[1].address;
  const refused = (method, params, code, message) => assert.rejects(node.rpc(method, ...params), { code, message });

  test('reverts: code 3, the reason, the data', async () => {
    for (const method of ['eth_call', 'eth_estimateGas'])
      await assert.rejects(node.rpc(method, { from, to: STAKING, data: '0x3ccfd60b' }, 'latest'), (error) => {
        assert.equal(error.code, 3);
        assert.equal(error.message, 'execution reverted: withdraw: no exits');
        assert.match(error.data, /^0x08c379a0/);
        return true;
      });
  });

  test('fees and funds', async () => {
    await refused('eth_call', [{ from, to, maxFeePerGas: '0x1' }, 'latest'], -32000, /^max fee per gas less than block base fee/);
    const viemError = await viemClients(node).reader.request({ method: 'eth_call', params: [{ from, to, maxFeePerGas: '0x1' }, 'latest'] }).catch((e) => e);
    assert.equal(getNodeError(viemError, {}).name, 'FeeCapTooLowError');
    await refused('eth_call', [{ from, to, gasPrice: '0x1', maxFeePerGas: '0x1' }, 'latest'], -32000, /^both gasPrice and \(maxFeePerGas or maxPriorityFeePerGas\) specified$/);
    await refused('eth_call', [{ from, to, maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' }, 'latest'], -32000, /^max priority fee per gas higher than max fee per gas/);
    await refused('eth_call', [{ from, to, value: '0xffffffffffffffffffffffff' }, 'latest'], -32000, /^insufficient funds for gas \* price \+ value: address 0x/);
    await refused('eth_call', [{ from, to, gas: '0x5207' }, 'latest'], -32000, /^intrinsic gas too low: have 20999, want 21000$/);
    await refused('eth_estimateGas', [{ from, to, gas: '0x5207' }], -32000, /^gas required exceeds allowance \(20999\)$/);
    await refused('eth_estimateGas', [{ from, to: STAKING, data: '0x26476204' + '00'.repeat(12) + to.slice(2), value: '0xde0b6b3a7640000', gas: '0x10000' }], -32000, /^gas required exceeds allowance \(65536\)$/);
    await refused('eth_estimateGas', [{ from, to, value: '0xffffffffffffffffffffffff', gasPrice: '0x3b9aca00' }], -32000, /^insufficient funds for transfer$/);
    await refused('eth_call', [{ from, to, chainId: '0x1' }, 'latest'], -32000, /^chainId does not match/);
    await refused('eth_call', [{ from, data: '0x00' }, 'latest'], -32000, /contract creation is not supported/);
    await refused('eth_call', [{ from, to, data: '0x00', input: '0x01' }, 'latest'], -32000, /both "data" and "input" are set and not equal/);
    await refused('eth_call', [{ from, to }, 'latest', { [to]: { code: '0x00' } }], -32602, /overrides are not supported/);
    assert.equal(await node.rpc('eth_call', { from, to, data: '0x01', input: '0x01', unknown: 1 }, 'latest'), '0x');
    assert.equal(await node.rpc('eth_estimateGas', { from, to, gas: '0x2255100', gasPrice: '0x3b9aca00' }), '0x5208', 'as MetaMask asks');
    assert.equal(await node.rpc('eth_estimateGas', { to, value: '0x0' }), '0x5208', 'without a sender');
    assert.equal(await node.rpc('eth_estimateGas', { from, to, value: '0x1' }, 'pending'), '0x5208', 'as cast asks');
  });

  test('blocks that are not there', async () => {
    for (const method of ['eth_getBalance', 'eth_getCode', 'eth_getTransactionCount'])
      await refused(method, [to, '0xffffff'], -32000, /^header not found$/);
    await refused('eth_getBalance', [to, { blockHash: '0x' + '12'.repeat(32) }], -32000, /^header for hash not found$/);
    await refused('eth_getBalance', [to, { blockHash: '0x' + '12'.repeat(32), blockNumber: '0x1' }], -32602, /cannot specify both BlockHash and BlockNumber/);
    await refused('eth_getBalance', [to, {}], -32602, /specify blockHash or blockNumber/);
    const { hash } = await node.rpc('eth_getBlockByNumber', '0x1', false);
    assert.equal(await node.rpc('eth_getBalance', to, { blockHash: hash, requireCanonical: true }), await node.rpc('eth_getBalance', to, '0x1'));
    assert.equal(await node.rpc('eth_getBalance', to, { blockNumber: '0x1' }), await node.rpc('eth_getBalance', to, hash));
  });

  test('arguments', async () => {
    await refused('eth_getBalance', [], -32602, /^missing value for required argument 0$/);
    await refused('eth_getBlockByNumber', ['latest'], -32602, /^missing value for required argument 1$/);
    await refused('eth_getBalance', [to, 'latest', 1], -32602, /^too many arguments, want at most 2$/);
    await refused('eth_getBalance', ['0x12', 'latest'], -32602, /^invalid argument 0: hex string has length 2, want 40/);
    await refused('eth_getBalance', [to.slice(2), 'latest'], -32602, /^invalid argument 0: hex string without 0x prefix/);
    await refused('eth_getBalance', [to.replace(/.$/, 'g'), 'latest'], -32602, /^invalid argument 0: invalid hex string/);
    await refused('eth_getBalance', [5, 'latest'], -32602, /^invalid argument 0/);
    await refused('eth_getBalance', [to, 'soon'], -32602, /^invalid argument 1/);
    await refused('eth_getBalance', [to, '0x01'], -32602, /^invalid argument 1: hex number with leading zero digits/);
    await refused('eth_getBalance', [to, '0x'], -32602, /^invalid argument 1: hex string "0x"/);
    await refused('eth_getBalance', [to, '0x10000000000000000'], -32602, /^invalid argument 1/);
    await refused('eth_getBlockByNumber', ['latest', 'yes'], -32602, /^invalid argument 1: not a boolean/);
    await refused('eth_getBlockByHash', ['0x1234', false], -32602, /^invalid argument 0: hex string has length 4, want 64/);
    await refused('eth_getTransactionByHash', [null], -32602, /argument 0/);
    await refused('eth_sendRawTransaction', ['0x123'], -32602, /^invalid argument 0: hex string of odd length/);
    await refused('eth_call', ['x'], -32602, /^invalid argument 0: not a transaction object/);
    await refused('eth_getStorageAt', [to, '0x' + '0'.repeat(65), 'latest'], -32602, /^storage key too long/);
    await refused('posw_getMiner', ['nobody'], -32602, /^invalid argument 0/);
    await refused('evm_mine', [{ blocks: 1e9 }], -32602, /^invalid argument 0/);
    await refused('evm_increaseTime', [-1], -32602, /^invalid argument 0/);
  });

  test('methods that are not there', async () => {
    for (const method of ['eth_nothing', 'eth_sendTransaction', 'eth_sign', 'debug_traceTransaction', 'eth_fillTransaction', 'anvil_nodeInfo', ''])
      await refused(method, [], -32601, new RegExp(`^the method ${method} does not exist/is not available$`));
    await assert.rejects(provider.send('eth_nothing', []), { code: 'UNSUPPORTED_OPERATION' });
    await assert.rejects(viemClients(node).reader.request({ method: 'eth_nothing' }), (error) => error.walk((e) => e instanceof MethodNotFoundRpcError) !== null);
  });
});
