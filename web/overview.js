// The first view: where the chain stands, how it moves, who mines, and what an attack would cost.
import { addressLink, blockRow, txBrief } from './explorer.js';
import { el, link, note, put, reconcile, renew, say, shows, title } from './dom.js';
import { aboutCoins, ago, coins, duration, gwei, hex, howMany, integer, number, percent, scaled, size } from './format.js';
import { pace } from './measure.js';
import { every, follow, node, nodeStatus, rpc } from './rpc.js';
import { costs } from './security.js';

const LATEST = 8,
  RECENT = 100,
  POINTS = 200,
  RANGES = [100, 1000, 10_000, Infinity];

// ---- figures ----

function figures(parameters) {
  const cards = {};
  const card = (name, label) => {
    cards[name] = { value: el('dd', {}, '–'), more: el('dd', { class: 'more' }) };
    return el('div', {}, el('dt', {}, label), cards[name].value, cards[name].more);
  };
  const box = el(
    'dl',
    { class: 'answers', 'aria-label': 'The chain now' },
    card('block', 'Latest block'),
    card('time', 'Block time'),
    card('difficulty', 'Difficulty'),
    card('hash', 'Hash power'),
    card('boost', 'Tickets in use'),
    card('stake', 'Staked'),
    card('pending', 'Waiting transactions'),
    card('who', 'Nakamoto coefficient'),
    card('peers', 'Peers'),
    card('fee', 'Base fee'),
  );
  const set = (name, value, more) => {
    renew(cards[name].value, value);
    renew(cards[name].more, more);
  };
  return { box, update };

  function update({ status, miners, stats, epoch, network, baseFee }) {
    const tip = status.tip,
      p = pace(stats.blocks, parameters),
      blockTime = Number(parameters.blockTime),
      ticket = parameters.weight.rule === 'ticket';
    const slots = Number(miners.blocks),
      target = `target ${duration(blockTime)}`;
    set('block', link(`block/${Number(tip.number)}`, integer(Number(tip.number))), `finalized to ${integer(Number(status.finalized))}`);
    set('time', p ? duration(p.time) : '–', p ? `${target}, mean of ${stats.blocks.length - 1}` : target);
    set('difficulty', size(Number(tip.difficulty)), 'hashes for a block at weight 1');
    set('hash', p ? scaled(p.hash, 'H/s') : '–', p && ticket ? `with boosts worth ${scaled(p.work, 'H/s')}` : 'estimated from difficulty and time');
    set(
      'boost',
      ticket ? percent(Number(miners.boosted), slots) : 'none',
      ticket ? `of the last ${integer(slots)} blocks; ${howMany(Number(miners.tickets), 'ticket')} in all` : 'this rule has no tickets',
    );
    set(
      'stake',
      percent(Number(epoch.totalStake), Number(epoch.supply)),
      el(
        'span',
        { title: `${coins(BigInt(epoch.totalStake))} ${parameters.ticker}` },
        `${aboutCoins(BigInt(epoch.totalStake))} of ${aboutCoins(BigInt(epoch.supply))} ${parameters.ticker}`,
      ),
    );
    set('pending', link('pending', integer(Number(status.mempool.pending))), `${integer(Number(status.mempool.queued))} queued behind a gap`);
    set('who', integer(Number(miners.nakamoto)), `${Number(miners.nakamoto) === 1 ? 'miner has' : 'miners have'} more than half of the blocks`);
    set(
      'peers',
      network.enabled ? link('peers', integer(Number(status.peers))) : 'none',
      status.syncing ? 'synchronising' : network.enabled ? `${howMany(Number(network.addresses), 'address', 'addresses')} known` : 'this node runs alone',
    );
    set('fee', el('span', {}, gwei(BigInt(baseFee)), el('span', { class: 'unit' }, ' gwei')), 'of the next block');
  }
}

// ---- upgrades ----

/** What an upgrade that the chain file names says, and one that only peers speak of. */
function upgradeNotes({ known, unknown }) {
  const when = (u) => (Number(u.secondsLeft) > 0 ? `in about ${duration(Number(u.secondsLeft))}` : 'now');
  const ahead = known.filter((u) => u.state === 'coming');
  const strange = unknown.filter((u) => u.credible);
  const parts = (u) => `${howMany(Number(u.networks), 'part')} of the network`;
  const where = (u) => (Number(u.height) > 0 ? `at block ${integer(Number(u.height))}` : 'at a block that it does not name');
  return [
    ...strange.map((u) => ({
      kind: 'bad',
      text:
        u.state === 'missed'
          ? `A node that was dialled changed the rules ${where(u)}, and this node’s chain file does not: what is shown here may not be the chain any more. The node needs the chain’s new file.`
          : `Peers in ${parts(u)} expect an upgrade ${where(u)}, ${when(u)}, that this node does not know. It needs the chain’s new file before then, or it will stop following.`,
    })),
    ...ahead.map((u) => ({
      kind: '',
      text: `Upgrade ${u.name} at block ${integer(Number(u.height))}, ${when(u)}. This node knows it and will follow.`,
    })),
  ];
}

/** Drawn anew only when a text changes, since a screen reader reads an alert that is put in. */
function upgrades() {
  const box = el('div');
  let drawn = '';
  return {
    box,
    update: ({ upgrades }) => {
      const notes = upgradeNotes(upgrades),
        now = JSON.stringify(notes);
      if (now !== drawn) put(box, ...notes.map(({ kind, text }) => note(kind, text)));
      drawn = now;
    },
  };
}

// ---- charts ----

/** A mean over so many samples makes a figure of what is luck block by block. */
const SMOOTH = 10;

function chartSpecs({ blocks }, parameters) {
  const list = blocks.filter((b) => Number(b.number) > 0),
    x = list.map((b) => Number(b.number)),
    times = list.map((b) => Number(b.timestamp)),
    target = Number(parameters.blockTime);
  const line = (y, ...series) => ({ kind: 'line', log_x: false, log_y: false, x: 'block', y, labels: [], series });
  const share = (part, of) => Number((BigInt(part) * 1_000_000n) / (BigInt(of) || 1n)) / 10_000;
  const gaps = x.slice(1).map((n, i) => (times[i + 1] - times[i]) / (n - x[i]));
  const before = (i) => Math.max(0, i - SMOOTH),
    since = x.map((_, i) => i).slice(1);
  const work = since.map(
    (i) => Number(BigInt(list[i].totalDifficulty) - BigInt(list[before(i)].totalDifficulty)) / Math.max(1, times[i] - times[before(i)]),
  );
  const boosted = x.map((_, i) => {
    const some = list.slice(before(i), i + 1);
    return (100 * some.filter((b) => b.boosted).length) / some.length;
  });
  return [
    line('hashes', { label: 'difficulty', x, y: list.map((b) => Number(b.difficulty)) }),
    line(
      'seconds',
      { label: 'time', x: x.slice(1), y: gaps },
      { label: 'target', x: x.length > 1 ? [x[1], x.at(-1)] : [], y: x.length > 1 ? [target, target] : [] },
    ),
    line('hashes a second', { label: 'hash power, boosts included', x: x.slice(1), y: work }),
    line('% of all coins', { label: 'staked and in force', x, y: list.map((b) => share(b.totalStake, b.supply)) }),
    line('% of the blocks', { label: 'boosted by stake', x, y: boosted }),
    line('% of the limit', { label: 'gas used', x, y: list.map((b) => share(b.gasUsed, parameters.gasLimit)) }),
  ];
}

const CHARTS = ['Difficulty', 'Time between blocks', 'Hash power, boosts included', 'Stake', 'Boosted blocks', 'Gas used'];

function charts(parameters, signal) {
  let drawn = [],
    range = RANGES[0],
    latest = null;
  const figure = (name) => {
    const canvas = el('canvas', { role: 'img', 'aria-label': name });
    return { name, canvas, box: el('figure', {}, el('figcaption', {}, name), el('div', { class: 'plot low' }, canvas)) };
  };
  const parts = CHARTS.map(figure);
  const load = async () => {
    const tip = node.head?.number ?? Number((await nodeStatus()).tip.number);
    return rpc('posw_getBlockStats', hex(Math.max(0, tip - range + 1)), hex(tip), POINTS);
  };
  const draw = (stats) => {
    latest = stats;
    chartSpecs(stats, parameters).forEach((spec, i) => {
      const config = poswCharts.config(spec),
        { x, y } = spec.series[0],
        { name } = parts[i];
      config.options.plugins.legend.display = false;
      config.options.scales.x.ticks.maxTicksLimit = 6;
      config.options.scales.y.ticks.maxTicksLimit = 6;
      config.options.scales.y.beginAtZero = true;
      config.data.datasets.forEach((set, k) => {
        set.pointRadius = k > 0 || set.data.length > 2 ? 0 : 3;
      });
      config.options.scales.x.min = x[0];
      config.options.scales.x.max = x.at(-1);
      parts[i].canvas.setAttribute(
        'aria-label',
        y.length === 0
          ? `${name}: no blocks yet`
          : `${name}, blocks ${integer(x[0])} to ${integer(x.at(-1))}: ${number(Math.min(...y))} to ${number(Math.max(...y))} ${spec.y}, last ${number(y.at(-1))}`,
      );
      if (drawn[i]) {
        drawn[i].data = config.data;
        drawn[i].options = config.options;
        drawn[i].update('none');
      } else drawn[i] = new Chart(parts[i].canvas, config);
    });
  };
  const fault = el('div');
  const refresh = shows(
    fault,
    load,
    (stats) => {
      put(fault);
      draw(stats);
    },
    signal,
  );
  const choice = (n) =>
    el(
      'label',
      {},
      el('input', {
        type: 'radio',
        name: 'range',
        value: n,
        checked: n === range,
        change: () => {
          range = n;
          refresh();
        },
      }),
      el('span', {}, n === Infinity ? 'all' : integer(n)),
    );
  const box = el(
    'section',
    { 'aria-labelledby': 'charts' },
    el(
      'div',
      { class: 'headed' },
      el('h2', { id: 'charts' }, 'How it moves'),
      el(
        'fieldset',
        { class: 'choice' },
        el('legend', { class: 'unseen' }, 'Blocks in the charts'),
        RANGES.map(choice),
        el('span', { 'aria-hidden': 'true' }, 'blocks'),
      ),
    ),
    el(
      'div',
      { class: 'charts three' },
      parts.map((p) => p.box),
    ),
    fault,
  );
  const recolour = () => {
    if (latest) draw(latest);
  };
  addEventListener('posw-scheme', recolour, { signal });
  signal.addEventListener('abort', () => drawn.forEach((c) => c.destroy()));
  return { box, refresh };
}

// ---- lists ----

function latestBlocks() {
  const list = el('ol', { class: 'rows', 'aria-label': 'Latest blocks' });
  const box = el('section', { class: 'panel' }, el('div', { class: 'headed' }, el('h2', {}, 'Latest blocks'), link('blocks', 'All blocks')), list);
  return {
    box,
    update: ({ stats }) =>
      reconcile(
        list,
        stats.blocks.slice(-LATEST).reverse(),
        (b) => b.hash,
        blockRow,
        (row, b) => say(row.querySelector('time'), ago(b.timestamp)),
      ),
  };
}

function pendingPart(parameters) {
  const list = el('ol', { class: 'rows txs' }),
    none = el('p', { class: 'quiet' }, 'Nothing waits: every transaction that came is in a block.');
  const box = el(
    'section',
    { class: 'panel' },
    el('div', { class: 'headed' }, el('h2', {}, 'Waiting transactions'), link('pending', 'All that wait')),
    list,
    none,
  );
  return {
    box,
    update: ({ pool }) => {
      none.hidden = pool.transactions.length > 0;
      list.hidden = !none.hidden;
      reconcile(
        list,
        pool.transactions,
        (t) => t.hash,
        (t) => el('li', {}, txBrief(t, parameters)),
      );
    },
  };
}

function whoMines(parameters) {
  const list = el('ol', { class: 'shares' }),
    said = el('p', { class: 'quiet' });
  const box = el('section', { class: 'panel' }, el('h2', {}, 'Who mines'), said, list);
  const make = (m) => {
    const row = el(
      'li',
      {},
      addressLink(m.miner, 'miner'),
      el('span', { class: 'share' }),
      el('meter', { min: 0, max: 1, 'aria-label': 'share of the blocks' }),
      el('span', { class: 'more' }),
    );
    update(row, m);
    return row;
  };
  const update = (row, m) => {
    const part = Number(m.blocks) / m.all;
    say(row.querySelector('.share'), percent(part));
    row.querySelector('meter').value = part;
    say(
      row.querySelector('.more'),
      `${howMany(Number(m.blocks), 'block')}${parameters.weight.rule === 'ticket' ? `, ${integer(Number(m.boosted))} boosted, ${integer(Number(m.used))} of ${howMany(Number(m.tickets), 'ticket')} in use` : ''}`,
    );
  };
  return {
    box,
    update: ({ miners }) => {
      const all = Number(miners.blocks),
        n = Number(miners.minerCount);
      say(
        said,
        all === 0
          ? 'Nobody yet: there is only the first block.'
          : `${howMany(n, 'miner')} made the last ${integer(all)} blocks.`,
      );
      reconcile(
        list,
        miners.miners.map((m) => ({ ...m, all })),
        (m) => m.miner,
        make,
        update,
      );
    },
  };
}

// ---- all of it ----

export function overview({ main, signal, parameters }) {
  const top = figures(parameters),
    ahead = upgrades(),
    moves = charts(parameters, signal),
    parts = [top, latestBlocks(), pendingPart(parameters), whoMines(parameters)];
  const load = async () => {
    const tip = Number((await nodeStatus()).tip.number),
      from = Math.max(0, tip - RECENT);
    const [status, miners, stats, listed, epoch, network, pool, baseFee, upgrades] = await Promise.all([
      nodeStatus(),
      rpc('posw_getMiners', 6),
      rpc('posw_getBlockStats', hex(from), hex(tip), 200),
      rpc('posw_getBlockStats', hex(Math.max(0, tip - LATEST + 1)), hex(tip)),
      rpc('posw_getEpoch'),
      rpc('posw_networkStatus'),
      rpc('posw_getPendingTransactions', 6),
      rpc('eth_baseFee'),
      rpc('posw_getUpgrades'),
    ]);
    return { status, miners, stats, listed, epoch, network, pool, baseFee, upgrades };
  };
  const fault = el('div');
  put(
    main,
    title(parameters.name),
    el(
      'p',
      { class: 'lead' },
      `A Proof-of-StakeWork chain with the weight rule `,
      el('strong', {}, parameters.weight.preset),
      `: ${parameters.weight.text}.`,
    ),
    ahead.box,
    fault,
    top.box,
    moves.box,
    el('div', { class: 'columns' }, parts[1].box, el('div', {}, parts[3].box, parts[2].box)),
    costs(parameters, signal),
  );
  const refresh = shows(
    fault,
    load,
    (all) => {
      put(fault);
      top.update(all);
      ahead.update(all);
      parts[1].update({ stats: all.listed });
      parts[2].update(all);
      parts[3].update(all);
    },
    signal,
  );
  follow(refresh, signal);
  follow(moves.refresh, signal, 5000);
  every(5000, refresh, signal);
}
