// Blocks, transactions, accounts, the pool and the peers. No view asks for more than it shows.
import { callName, decodeCall, decodeEvent, STAKING } from './abi.js';
import { el, facts, link, note, put, renew, say, shows, table, tableRow, title } from './dom.js';
import { ago, checksum, coins, date, gwei, hex, howMany, integer, parseAddress, percent, printable, short, size } from './format.js';
import { every, follow, node, nodeStatus, rpc } from './rpc.js';

const BLOCKS_A_PAGE = 25,
  TXS_A_PAGE = 25,
  PIECES = 5; // of a search, until a button is pressed

// ---- small parts ----

/** An address, its end left out where room is short; the whole is read out and copied by hand from its page. */
export const addressLink = (address, view = 'address', whole = false) => {
  const text = checksum(address);
  return link(`${view}/${text}`, whole ? text : address === STAKING ? 'staking contract' : short(text, 4), {
    class: 'mono',
    title: text,
    'aria-label': whole || address === STAKING ? null : text,
  });
};
const blockLink = (number) => link(`block/${Number(number)}`, integer(Number(number)), { class: 'num' });
export const hashLink = (hash, view, whole = false) =>
  link(`${view}/${hash}`, whole ? hash : short(hash), { class: 'mono', title: hash, 'aria-label': whole ? null : hash });
const mono = (text) => el('span', { class: 'mono' }, text);
const when = (timestamp) => el('time', { datetime: new Date(Number(timestamp) * 1000).toISOString(), title: date(timestamp) }, ago(timestamp));
const amount = (wei, parameters) => el('span', { class: 'amount' }, `${coins(BigInt(wei))} ${parameters.ticker}`);
const boostTag = (boosted) => (boosted ? el('span', { class: 'tag', title: 'its miner used up a ticket' }, 'boosted') : null);

/** One line of the latest blocks. */
export const blockRow = (b) =>
  el(
    'li',
    {},
    el('span', { class: 'first' }, blockLink(b.number), when(b.timestamp)),
    el('span', { class: 'second' }, Number(b.number) === 0 ? 'genesis' : ['by ', addressLink(b.miner, 'miner')], boostTag(b.boosted)),
    el('span', { class: 'last' }, howMany(Number(b.transactions), 'transaction')),
  );

const whatOf = (t) => (t.to?.toLowerCase() === STAKING ? (callName(t.selector) ?? 'call') : 'transfer');

export const txBrief = (t, parameters) => [
  el('span', { class: 'first' }, hashLink(t.hash, 'tx'), el('span', { class: 'tag' }, whatOf(t))),
  el('span', { class: 'second' }, addressLink(t.from), ' to ', t.to ? addressLink(t.to) : 'nobody'),
  el('span', { class: 'last' }, amount(t.value, parameters)),
];

const TX_COLUMNS = [
  { name: 'Transaction' },
  { name: 'What' },
  { name: 'Block', n: true },
  { name: 'Age', less: true },
  { name: 'From' },
  { name: 'To' },
  { name: 'Amount', n: true },
];
const txCells = (t, parameters) => [
  hashLink(t.hash, 'tx'),
  [el('span', { class: 'tag' }, whatOf(t)), t.status === '0x0' ? el('span', { class: 'tag bad' }, 'failed') : null],
  t.blockNumber ? blockLink(t.blockNumber) : 'waits',
  t.timestamp ? when(t.timestamp) : t.added ? when(t.added) : '',
  addressLink(t.from),
  t.to ? addressLink(t.to) : '–',
  amount(t.value, parameters),
];
/** Transactions as a table; of one block: without its number and age. */
function txTable(caption, list, parameters, oneBlock = false) {
  const shown = (cells) => (oneBlock ? cells.filter((_, i) => i < 2 || i > 3) : cells);
  return table(
    caption,
    shown(TX_COLUMNS),
    list.map((t) => shown(txCells(t, parameters))),
  );
}

/** Links to the screens before and after. Pairs [path, text]; path null: there is none. */
const pager = (label, ...pairs) =>
  el(
    'nav',
    { class: 'pager', 'aria-label': label },
    pairs.map(([path, text]) => (path === null ? el('span', { class: 'off' }, text) : link(path, text))),
  );

// ---- blocks ----

export function blocks({ main, args, signal }) {
  const place = el('div'),
    fixed = /^\d+$/.test(args[0] ?? '');
  const load = async () => {
    const tip = Number((await nodeStatus()).tip.number),
      to = fixed ? Math.min(Number(args[0]), tip) : tip;
    return { tip, to, stats: await rpc('posw_getBlockStats', hex(Math.max(0, to - BLOCKS_A_PAGE + 1)), hex(to)) };
  };
  const columns = [
    { name: 'Block', n: true },
    { name: 'Age' },
    { name: 'Miner' },
    { name: 'Trans\u00adactions', n: true },
    { name: 'Gas used', n: true, less: true },
    { name: 'Size', unit: 'bytes', n: true, less: true },
    { name: 'Difficulty', n: true, less: true },
  ];
  const draw = ({ tip, to, stats }) => {
    const from = Number(stats.from),
      rows = [...stats.blocks].reverse();
    renew(
      place,
      table(
        `Blocks ${integer(from)} to ${integer(to)} of ${integer(tip)}`,
        columns,
        rows.map((b) => [
          blockLink(b.number),
          when(b.timestamp),
          Number(b.number) === 0 ? 'nobody: genesis' : [addressLink(b.miner, 'miner'), boostTag(b.boosted)],
          b.transactions === undefined ? '–' : integer(Number(b.transactions)),
          integer(Number(b.gasUsed)),
          integer(Number(b.size)),
          size(Number(b.difficulty)),
        ]),
      ),
      pager(
        'Pages of blocks',
        [to < tip ? 'blocks' : null, 'Latest'],
        [to < tip ? `blocks/${Math.min(tip, to + BLOCKS_A_PAGE)}` : null, 'Newer'],
        [from > 0 ? `blocks/${from - 1}` : null, 'Older'],
        [from > 0 ? `blocks/${BLOCKS_A_PAGE - 1}` : null, 'First'],
      ),
    );
  };
  put(main, title('Blocks'), place);
  const refresh = shows(place, load, draw, signal);
  if (!fixed) follow(refresh, signal);
}

function extraData(b) {
  const data = b.extraData,
    text = printable(data);
  if (Number(b.number) > 0 && data.length === 2 + 2 * 98)
    return facts(
      [
        ['Seal version', String(parseInt(data.slice(2, 4), 16))],
        ['Stake root in force', mono(`0x${data.slice(4, 68)}`)],
        ['Signature', mono(`0x${data.slice(68)}`)],
      ],
      { class: 'facts inner' },
    );
  if (Number(b.number) === 0) {
    const end = data.indexOf('00', 2),
      name = end > 0 && end % 2 === 0 ? printable(data.slice(0, end)) : null;
    if (name !== null) return [el('q', { class: 'foreign' }, name), ' ', mono(data)];
  }
  return text === null ? mono(data) : [el('q', { class: 'foreign' }, text), ' ', mono(data)];
}

const PRUNED = 4444; // the code of "pruned history unavailable"

/** Of the node's refusals, the one that a page can live with. */
function onlyPruned(error) {
  if (error.code !== PRUNED) throw error;
  return { pruned: error.message };
}

const keptFrom = (first) => ` from block ${integer(Number(first))} on`;

export function block({ main, args, signal, parameters }) {
  const asked = args[0] ?? 'latest',
    ref = /^\d+$/.test(asked) ? hex(asked) : asked,
    page = Math.max(1, Number(args[1] ?? 1) || 1);
  const place = el('div');
  put(main, title(/^\d+$/.test(asked) ? `Block ${integer(asked)}` : 'Block'), place);
  const load = async () => {
    const [b, txs, status] = await Promise.all([
      rpc('posw_getBlockSummary', ref),
      rpc('posw_getBlockTransactions', ref, hex((page - 1) * TXS_A_PAGE), TXS_A_PAGE).catch(onlyPruned),
      nodeStatus(),
    ]);
    return { b, txs, status };
  };
  const refresh = shows(
    place,
    load,
    ({ b, txs, status }) => {
      if (b === null)
        return renew(
          place,
          note(
            '',
            'This node has no such block',
            node.head && /^\d+$/.test(asked) ? `: the latest is ${integer(node.head.number)}.` : '.',
            ' ',
            link('blocks', 'Latest blocks'),
          ),
        );
      const number_ = Number(b.number),
        tip = Number(status.tip.number),
        pruned = txs?.pruned ?? null,
        total = pruned === null ? Number(txs.total) : 0,
        pages = Math.max(1, Math.ceil(total / TXS_A_PAGE));
      say(main.querySelector('h1'), `Block ${integer(number_)}`);
      const fact = (x) => (b.main ? x : 'none: not on the main chain');
      renew(
        place,
        pager(
          'Neighbours',
          [number_ > 0 ? `block/${number_ - 1}` : null, 'Block before'],
          [number_ < tip ? `block/${number_ + 1}` : null, 'Block after'],
        ),
        b.main
          ? null
          : note('warn', 'This block is on a side branch: the main chain has another one at this height, ', link(`block/${number_}`, 'this'), '.'),
        el(
          'section',
          { class: 'panel' },
          facts([
            ['Time', when(b.timestamp), el('span', { class: 'quiet' }, ` · ${date(b.timestamp)}`)],
            [
              'Confirmations',
              fact(
                `${integer(tip - number_ + 1)}${number_ <= Number(status.finalized) ? ', final' : number_ <= Number(status.safe) ? ', safe' : ''}`,
              ),
            ],
            number_ === 0 ? null : ['Miner', addressLink(b.miner, 'miner', true), ' ', boostTag(b.boosted)],
            number_ === 0
              ? null
              : [
                  'New coins',
                  amount(BigInt(b.subsidy), parameters),
                  BigInt(b.treasury) > 0n ? [', of which to the treasury ', amount(b.treasury, parameters)] : null,
                ],
            ['Transactions', pruned === null ? integer(total) : 'not kept by this node'],
            ['Gas used', `${integer(Number(b.gasUsed))} of ${integer(Number(b.gasLimit))} (${percent(Number(b.gasUsed), Number(b.gasLimit))})`],
            ['Base fee', `${gwei(BigInt(b.baseFeePerGas))} gwei`],
            ['Difficulty', `${integer(BigInt(b.difficulty))}`, el('span', { class: 'quiet' }, ` (chain: ${size(Number(b.totalDifficulty))})`)],
            number_ === 0
              ? null
              : [
                  'Level of the seal',
                  `${integer(BigInt(b.level))}`,
                  el('span', { class: 'quiet' }, b.boosted ? ' (above 0: a ticket or stake was needed)' : ' (it met the target without stake)'),
                ],
            ['Size', `${integer(Number(b.size))} bytes`],
            ['Hash', mono(b.hash)],
            ['Parent', number_ === 0 ? mono(b.parentHash) : hashLink(b.parentHash, 'block', true)],
            ['State root', mono(b.stateRoot)],
            ['Nonce', mono(b.nonce)],
            ['Extra data', extraData(b)],
          ]),
        ),
        pruned !== null
          ? note('', 'This node is pruned: it keeps transactions and receipts', keptFrom(status.firstBody), '. A node that keeps all blocks has them.')
          : total === 0
          ? note('', 'No transactions in this block.')
          : txTable(
              `Transactions ${integer((page - 1) * TXS_A_PAGE + 1)} to ${integer(Math.min(total, page * TXS_A_PAGE))} of ${integer(total)}`,
              txs.transactions,
              parameters,
              true,
            ),
        pages > 1
          ? pager(
              'Pages of transactions',
              [page > 1 ? `block/${asked}/${page - 1}` : null, 'Before'],
              [page < pages ? `block/${asked}/${page + 1}` : null, 'After'],
            )
          : null,
      );
    },
    signal,
  );
  follow(refresh, signal);
}

// ---- a transaction ----

const valueOf = (kind, v, parameters) =>
  kind === 'address' ? addressLink(v, 'address', true) : kind === 'coins' ? amount(v, parameters) : blockLink(v);

function inputOf(tx, parameters) {
  if (tx.input === '0x') return null;
  const call = tx.to?.toLowerCase() === STAKING ? decodeCall(tx.input) : null,
    text = printable(tx.input);
  if (call)
    return [
      el('strong', {}, call.name),
      facts(
        call.args.map(([name, kind, v]) => [name, valueOf(kind, v, parameters)]),
        { class: 'facts inner' },
      ),
    ];
  const shown = tx.input.length > 2050 ? `${tx.input.slice(0, 2050)}… (${integer((tx.input.length - 2) / 2)} bytes)` : tx.input;
  return [text !== null ? [el('q', { class: 'foreign' }, text.slice(0, 1000)), el('br')] : null, mono(shown)];
}

function logsOf(receipt, parameters) {
  if (!receipt || receipt.logs.length === 0) return null;
  return el(
    'section',
    {},
    el('h2', { class: 'apart' }, 'Events'),
    receipt.logs.map((log) => {
      const event = decodeEvent(log);
      return el(
        'div',
        { class: 'panel' },
        event ? el('h3', {}, event.name) : null,
        facts(
          event
            ? event.args.map(([name, kind, v]) => [name, valueOf(kind, v, parameters)])
            : [
                ['Contract', addressLink(log.address, 'address', true)],
                ...log.topics.map((t, i) => [`Topic ${i}`, mono(t)]),
                ['Data', mono(log.data)],
              ],
        ),
      );
    }),
  );
}

export function transaction({ main, args, signal, parameters }) {
  const hash = args[0] ?? '',
    place = el('div');
  put(main, title('Transaction'), place);
  const load = async () => {
    if (!/^0x[0-9a-fA-F]{64}$/.test(hash)) return { tx: null };
    const [tx, receipt, status] = await Promise.all([rpc('eth_getTransactionByHash', hash), rpc('eth_getTransactionReceipt', hash), nodeStatus()]);
    const header = tx?.blockHash ? await rpc('posw_getBlockSummary', tx.blockHash) : null;
    return { tx, receipt, status, header };
  };
  const draw = ({ tx, receipt, status, header }) => {
    if (tx === null)
      return renew(
        place,
        note(
          '',
          'This node knows no such transaction. It may not have arrived here yet, or it was replaced by another one of its sender.',
          Number(status?.firstBody ?? 0) > 0 ? ` Or it is older: transactions are kept here${keptFrom(status.firstBody)}.` : null,
        ),
      );
    const mined = tx.blockNumber !== null,
      number_ = Number(tx.blockNumber),
      tip = Number(status.tip.number);
    const fee = receipt ? BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice) : null;
    renew(
      place,
      el(
        'section',
        { class: 'panel' },
        facts([
          [
            'State',
            mined
              ? receipt.status === '0x1'
                ? el('span', { class: 'tag good' }, 'succeeded')
                : el('span', { class: 'tag bad' }, 'failed: the fee is paid, nothing else happened')
              : el('span', { class: 'tag warn' }, 'waits for a block'),
          ],
          mined ? ['Block', blockLink(tx.blockNumber), el('span', { class: 'quiet' }, ` at place ${integer(Number(tx.transactionIndex))}`)] : null,
          mined
            ? [
                'Confirmations',
                `${integer(tip - number_ + 1)}${number_ <= Number(status.finalized) ? ', final' : number_ <= Number(status.safe) ? ', safe' : ''} `,
                link('security', 'how many are enough?'),
              ]
            : null,
          header ? ['Time', when(header.timestamp), el('span', { class: 'quiet' }, ` · ${date(header.timestamp)}`)] : null,
          ['From', addressLink(tx.from, 'address', true)],
          [
            'To',
            tx.to ? addressLink(tx.to, 'address', true) : 'nobody',
            tx.to?.toLowerCase() === STAKING ? el('span', { class: 'quiet' }, ' (staking contract)') : null,
          ],
          ['Amount', amount(tx.value, parameters)],
          fee !== null
            ? [
                'Fee',
                amount(fee, parameters),
                el('span', { class: 'quiet' }, ` (${integer(Number(receipt.gasUsed))} gas at ${gwei(BigInt(receipt.effectiveGasPrice))} gwei)`),
              ]
            : ['Highest price', `${gwei(BigInt(tx.maxFeePerGas ?? tx.gasPrice))} gwei for each of at most ${integer(Number(tx.gas))} gas`],
          ['Number of the sender', integer(Number(tx.nonce))],
          ['Type', String(Number(tx.type))],
          ['Hash', mono(tx.hash)],
          tx.input === '0x' ? null : ['Input', inputOf(tx, parameters)],
        ]),
      ),
      logsOf(receipt, parameters),
    );
  };
  const refresh = shows(place, load, draw, signal);
  follow(refresh, signal);
}

// ---- an account ----

export function account({ main, args, signal, parameters }) {
  let address;
  try {
    address = parseAddress(args[0] ?? '');
  } catch (error) {
    put(main, title('Account'), note('bad', error.message));
    return;
  }
  const small = address.toLowerCase(),
    place = el('div'),
    found = el('div');
  put(main, title(small === STAKING ? 'Staking contract' : 'Account'), el('p', { class: 'mono whole' }, address), place, found);
  const load = async () => {
    const [balance, nonce, stake, code] = await Promise.all([
      rpc('eth_getBalance', small, 'latest'),
      rpc('eth_getTransactionCount', small, 'latest'),
      rpc('posw_getStake', small),
      rpc('eth_getCode', small, 'latest'),
    ]);
    return { balance, nonce, stake, code };
  };
  const refresh = shows(
    place,
    load,
    ({ balance, nonce, stake, code }) => {
      const own = stake.deposits.reduce((sum, d) => sum + BigInt(d.amount), 0n),
        leaving = stake.exits.reduce((sum, e) => sum + BigInt(e.amount), 0n);
      renew(
        place,
        el(
          'section',
          { class: 'panel' },
          facts([
            ['Balance', amount(balance, parameters)],
            ['Transactions sent', integer(Number(nonce))],
            code !== '0x' ? ['Code', 'a contract of the protocol: its balance is all stake, all coins that are leaving, and the fee pool'] : null,
            own > 0n || leaving > 0n
              ? [
                  'Staked by it',
                  amount(own, parameters),
                  leaving > 0n ? [', leaving ', amount(leaving, parameters)] : null,
                  ' ',
                  link(`stake/${address}`, 'clocks and exits'),
                ]
              : null,
            BigInt(stake.stake) > 0n ? ['Staked for it', amount(stake.stake, parameters), ' ', link(`miner/${address}`, 'as a miner')] : null,
          ]),
        ),
        el('p', { class: 'links' }, link(`miner/${address}`, 'This address as a miner'), ' ', link(`stake/${address}`, 'This address as a staker')),
      );
    },
    signal,
  );
  follow(refresh, signal);
  history(found, small, signal, parameters);
}

/** Transactions of an account: a search backwards through the blocks, a piece at a time. */
function history(place, address, signal, parameters) {
  const box = table('Transactions, sent and received', TX_COLUMNS, [], { hidden: true });
  const body = box.querySelector('tbody');
  const said = el('p', { class: 'quiet', role: 'status' }),
    more = el('button', { type: 'button', click: () => go(), hidden: true }, 'Look further back'),
    fault = el('div');
  let next = null,
    top = null,
    count = 0;
  put(place, box, said, fault, more);
  /** One piece of the search. */
  const piece = async () => {
    const answer = await rpc('posw_getAccountTransactions', address, TXS_A_PAGE, ...(next === null ? [] : [next.block, next.index]));
    if (signal.aborted) return 0;
    top ??= Number(answer.from);
    body.append(...answer.transactions.map((t) => tableRow(TX_COLUMNS, txCells(t, parameters))));
    count += answer.transactions.length;
    next = answer.next;
    box.hidden = count === 0;
    const first = Number(answer.firstBody);
    const range = `blocks ${integer(top)} down to ${integer(next === null ? first : Number(next.block))}`;
    const rest =
      next === null
        ? first > 0
          ? 'Older blocks are not kept by this node.'
          : 'That is the whole chain.'
        : 'The node keeps no list for each account: this page looks through the blocks backwards, a piece at a time.';
    say(said, `${count === 0 ? 'None' : integer(count)} found in ${range}. ${rest}`);
    return answer.transactions.length;
  };
  /** Some pieces, until something is found. */
  const go = async () => {
    more.disabled = true;
    put(fault);
    try {
      for (let i = 0; i < PIECES && (await piece()) === 0 && next !== null && !signal.aborted; i++);
      more.hidden = next === null;
    } catch (error) {
      put(fault, note('bad', error.message));
      more.hidden = false;
    }
    more.disabled = false;
  };
  go();
}

// ---- pool and peers ----

export function pending({ main, signal, parameters }) {
  const place = el('div');
  put(main, title('Waiting transactions'), place);
  const refresh = shows(
    place,
    () => rpc('posw_getPendingTransactions', 50),
    (pool) => {
      const n = Number(pool.pending),
        q = Number(pool.queued),
        shown = pool.transactions.length;
      renew(
        place,
        el(
          'p',
          { class: 'lead' },
          n + q === 0
            ? 'Nothing waits: every transaction that came is in a block.'
            : `${integer(n)} can go into the next blocks, ${integer(q)} are behind a gap in their sender’s numbers. Together ${integer(Number(pool.bytes))} bytes.`,
        ),
        shown === 0 ? null : txTable(shown < n + q ? `The newest ${integer(shown)}` : 'All of them, the newest first', pool.transactions, parameters),
      );
    },
    signal,
  );
  follow(refresh, signal);
  every(3000, refresh, signal);
}

export function peers({ main, signal }) {
  const place = el('div');
  put(main, title('Peers'), place);
  const load = async () => {
    const status = await rpc('posw_networkStatus');
    if (!status.enabled) return { status, list: [] };
    return {
      status,
      list: await rpc('admin_peers').catch((error) => {
        if (error.code === undefined) throw error;
        return null;
      }),
    };
  };
  const columns = [
    { name: 'Address' },
    { name: 'Kind' },
    { name: 'Program' },
    { name: 'Block', n: true },
    { name: 'Answers in', unit: 'ms', n: true },
    { name: 'Received', unit: 'kB', n: true, less: true },
    { name: 'Sent', unit: 'kB', n: true, less: true },
  ];
  const refresh = shows(
    place,
    load,
    ({ status, list }) => {
      if (!status.enabled) return renew(place, note('', 'This node runs without a network: a development chain, or --no-network.'));
      renew(
        place,
        status.problem ? note('warn', status.problem) : null,
        el(
          'section',
          { class: 'panel' },
          facts([
            ['This node', el('span', { class: 'mono' }, status.url)],
            ['Connections', `${integer(Number(status.outbound))} made, ${integer(Number(status.inbound))} taken`],
            ['Addresses known', integer(Number(status.addresses))],
            status.syncing ? ['Synchronising', `to block ${integer(Number(status.syncTip))}`] : null,
          ]),
        ),
        list === null
          ? note('', 'Who the peers are is told to the operator only (admin_* is off here).')
          : list.length === 0
            ? note('', 'No peer is connected.')
            : table(
                'Peers',
                columns,
                list.map((p) => [
                  el('span', { class: 'mono' }, p.network.remoteAddress),
                  p.kind,
                  p.name,
                  p.protocols.posw.number === undefined ? '–' : integer(Number(p.protocols.posw.number)),
                  p.pingMs === undefined ? '–' : integer(p.pingMs),
                  integer(Math.round(p.bytesIn / 1000)),
                  integer(Math.round(p.bytesOut / 1000)),
                ]),
              ),
      );
    },
    signal,
  );
  every(3000, refresh, signal);
}
