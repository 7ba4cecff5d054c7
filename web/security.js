// What it costs to reorganise the last blocks, and how many confirmations a value wants: the laboratory's model with the chain as it is now.
import { attack, confirmations, hashCostPerHour, ruleOf, scenarioFile } from './attack.js';
import { el, facts, put, renew, say, shows, table, title } from './dom.js';
import { duration, hex, howMany, integer, number, percent, scaled } from './format.js';
import { pace } from './measure.js';
import { follow, nodeStatus, rpc } from './rpc.js';

const RECENT = 100,
  KEY = 'posw-assumptions';
const DEFAULTS = { price: 1, delta: 30, interest: 5, rent: '', value: 1000 };

const usd = (v) => (v === Infinity ? '–' : `$ ${v >= 1000 ? integer(Math.round(v)) : number(v, 3)}`);

function remembered() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS };
  }
}

/** An input for a number; `read` gives it, or null when it is none. */
function field(name, label, unit, value, { min, max, hint, optional = false }) {
  const input = el('input', {
    id: `a-${name}`,
    inputmode: 'decimal',
    autocomplete: 'off',
    value: value === '' ? null : value,
    'aria-describedby': `a-${name}-hint`,
    placeholder: optional ? 'from the rewards' : null,
  });
  const help = el('small', { id: `a-${name}-hint` }, hint);
  const box = el(
    'div',
    { class: 'field' },
    el('label', { for: `a-${name}` }, label),
    el('span', { class: 'with-unit' }, input, el('span', { class: 'unit' }, unit)),
    help,
  );
  const read = () => {
    const text = input.value.trim().replaceAll(',', ''),
      v = Number(text);
    if (text === '' && optional) return '';
    const good = text !== '' && Number.isFinite(v) && v >= min && v <= max;
    if (good) input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
    say(help, good ? hint : `A number from ${integer(min)} to ${number(max, 3)}`);
    return good ? v : null;
  };
  return { name, input, box, read };
}

/** The economy of the model, from the chain and from what is assumed. */
function economy(rule, { epoch, reward }, assumed, hash) {
  const s = {
    price: assumed.price,
    supply: Number(BigInt(epoch.supply)) / 1e18,
    staked: Number(BigInt(epoch.totalStake)) / 1e18,
    miners: Math.max(1, Number(epoch.miners)),
    reward: Number(reward) / 1e18,
    delta: assumed.delta / 100,
    interest: assumed.interest / 100,
    premium: 1,
  };
  // A price for rent replaces what the rewards let honest miners spend on the hash that is at work.
  const honest = hashCostPerHour(rule, s);
  if (assumed.rent !== '' && hash > 0 && honest > 0) s.premium = (assumed.rent * (hash / 1e6)) / 24 / honest;
  return s;
}

/** What the number of confirmations rests on, or why there is none. */
function reason(rule, s, { byCost, byStake, safe }) {
  if (byCost === Infinity) return 'No depth up to a million blocks costs that much: this chain does not protect such a value by its cost.';
  if (byStake === Infinity)
    return `Where the price does not fall, an attacker gets its stake back whole, and stake gives no number. By cost alone it would be ${integer(byCost)}.`;
  if (safe === Infinity)
    return `Against attackers whose times are true it would be ${integer(Math.max(byCost, byStake))}; with false times no depth up to a million blocks costs that much.`;
  const final = safe > rule.maxReorg ? ` Nodes refuse by themselves a branch that replaces more than ${integer(rule.maxReorg)} blocks, so a node that was running takes such a payment as final before.` : '';
  return `${safe === 1 ? 'confirmation' : 'confirmations'}, about ${duration(safe * rule.blockTime)}. Undoing it would cost ${usd(attack(rule, s, safe).best.cost)}.${final}`;
}

/** The section with form and figures; it follows the chain. */
export function costs(parameters, signal) {
  const rule = ruleOf(parameters),
    was = remembered(),
    ticker = parameters.ticker;
  const fields = [
    field('price', `Price of a coin`, '$', was.price, { min: 1e-9, max: 1e9, hint: `of 1 ${ticker}` }),
    field('delta', 'Fall of the price', '%', was.delta, { min: 0, max: 100, hint: 'when the attack is known: the attacker’s loss on its coins' }),
    field('interest', 'Interest', '% a year', was.interest, { min: 0, max: 1000, hint: 'on coins while they are locked' }),
    field('rent', 'Rent of hash power', '$ a MH/s and day', was.rent, {
      min: 0,
      max: 1e12,
      hint: 'empty: what honest miners can spend on it',
      optional: true,
    }),
  ];
  const value = field('value', 'Value of the payment', '$', was.value, {
    min: 1e-6,
    max: 1e15,
    hint: 'all payments that wait at once, since one attack undoes them all',
  });
  const results = el('div', { class: 'results' }),
    answer = el('output', { class: 'recommended', for: 'a-value' }),
    why = el('div', { class: 'more' });
  const basis = el('div'),
    fault = el('div');
  let known = null;

  const load = async () => {
    const [epoch, status] = await Promise.all([rpc('posw_getEpoch'), nodeStatus()]),
      tip = Number(status.tip.number);
    const [stats, summary] = await Promise.all([
      rpc('posw_getBlockStats', hex(Math.max(0, tip - RECENT)), hex(tip), 200),
      rpc('posw_getBlockSummary', hex(tip)),
    ]);
    const reward = tip === 0 ? BigInt(parameters.reward.initial) : BigInt(summary.subsidy);
    return { epoch, reward, pace: pace(stats.blocks, parameters), tip };
  };

  const draw = () => {
    const assumed = Object.fromEntries([...fields, value].map((f) => [f.name, f.read()]));
    if (known === null || Object.values(assumed).includes(null)) return;
    try {
      localStorage.setItem(KEY, JSON.stringify(assumed));
    } catch {
      /* then for this visit only */
    }
    const s = economy(rule, known, assumed, known.pace?.hash ?? 0),
      depths = [6, 60, rule.window].filter((d, i, all) => all.indexOf(d) === i).sort((a, b) => a - b);
    drawCosts(results, rule, s, depths, ticker);
    const c = confirmations(rule, s, assumed.value);
    say(answer, c.safe === Infinity ? 'no number' : integer(c.safe));
    say(why, reason(rule, s, c));
    drawBasis(basis, rule, s, known, ticker);
  };

  const refresh = shows(
    fault,
    load,
    (all) => {
      put(fault);
      known = all;
      draw();
    },
    signal,
  );
  follow(refresh, signal, 5000);

  const form = el(
    'form',
    { class: 'assumptions', 'aria-label': 'Assumptions', input: draw, submit: (event) => event.preventDefault() },
    fields.map((f) => f.box),
  );
  const payment = el(
    'form',
    { class: 'payment', 'aria-label': 'Payment', input: draw, submit: (event) => event.preventDefault() },
    value.box,
    el('div', { class: 'answer' }, el('h3', {}, 'Wait for'), answer, why),
  );
  return el(
    'section',
    { class: 'security', 'aria-labelledby': 'security' },
    el('h2', { id: 'security' }, 'Cost of reorganising the last blocks'),
    el(
      'p',
      { class: 'quiet' },
      'An outsider who buys stake and rents hash, in the cheapest mixture. The chain’s part is measured now; the market’s part is what you assume here.',
    ),
    fault,
    form,
    results,
    payment,
    basis,
  );
}

function drawCosts(place, rule, s, depths, ticker) {
  const rows = depths.map((depth) => {
    const { best } = attack(rule, s, depth);
    return [
      el('strong', {}, howMany(depth, 'block')),
      el('strong', { 'data-depth': depth, 'data-cost': best.cost }, usd(best.cost)),
      usd(best.hash),
      usd(best.loss + best.interest),
      best.stake > 0 ? `${number(best.stake, 4)} ${ticker}` : 'none',
      `× ${number(best.hashRatio, 3)}`,
      depth > rule.maxReorg ? 'no: too deep' : 'yes',
    ];
  });
  renew(
    place,
    table(
      'To replace the last…',
      [
        { name: 'Depth' },
        { name: 'Cost', n: true },
        { name: 'of it hash', n: true },
        { name: 'of it stake', n: true },
        { name: 'Coins needed', n: true },
        { name: 'Hash needed', unit: 'of the honest hash', n: true },
        { name: 'Running nodes follow' },
      ],
      rows,
    ),
  );
}

function drawBasis(place, rule, s, known, ticker) {
  const open = place.querySelector('details')?.open ?? false;
  const file = JSON.stringify(scenarioFile(rule, s));
  renew(
    place,
    el(
      'details',
      { open, class: 'panel' },
      el('summary', {}, 'Model, what was measured, and what this does not tell'),
      el(
        'p',
        {},
        rule.ticket
          ? 'Each block of the attacker’s branch takes a ticket, or M times the hash. Cost = hash for the time of the branch + fall of the price on its coins + interest while they are locked (two epochs, the attack and the unbonding). Every number of tickets is allowed, and the cheapest is shown.'
          : 'The attacker needs the honest hash times the honest miners’ weight over its own. Cost = hash for the time of the branch + fall of the price on its coins + interest while they are locked (two epochs, the attack and the unbonding). Every stake is tried, and the cheapest is shown.',
      ),
      facts([
        ['Supply', `${number(s.supply, 6)} ${ticker}`],
        ['Stake in force', `${number(s.staked, 6)} ${ticker} (${percent(s.staked, s.supply)}), by ${integer(s.miners)}, taken as equal`],
        ['New coins a block', `${number(s.reward, 4)} ${ticker}`],
        ['Miners spend on hash', `${usd(hashCostPerHour(rule, s))} an hour`],
        ['Rent over that', `× ${number(s.premium, 3)}`],
        ['Hash at work', known.pace ? scaled(known.pace.hash, 'H/s') : 'not known yet'],
      ]),
      el('h3', {}, 'What it does not tell'),
      el(
        'ul',
        {},
        [
          'Whether so much hash is for rent, and whether so many coins are for sale at this price.',
          'What an insider pays who holds the stake already: hash only, and the loss on its own coins.',
          'Block rewards that the attacker keeps, fees, its chance to fail, profits from selling the coin short.',
          'If an attack does not move the price, stake protects by its lock and interest only: put 0 for the fall of the price.',
        ].map((t) => el('li', {}, t)),
      ),
      el('h3', {}, 'The same in the laboratory'),
      el(
        'p',
        {},
        'With this as ',
        el('code', {}, 'market.json'),
        ', ',
        el('code', {}, 'posw lab attack --chain chain.json --scenario market.json --depth 60'),
        ' gives the same figures, tables for other assumptions, and notes.',
      ),
      el('pre', { class: 'scenario', tabindex: 0, 'aria-label': 'Scenario file' }, file),
    ),
  );
}

export function security({ main, signal, parameters }) {
  const part = costs(parameters, signal);
  put(
    main,
    title('Security'),
    el('p', { class: 'lead' }, 'How much it costs to undo what the chain says, and how long to wait for a payment.'),
    part,
  );
}
