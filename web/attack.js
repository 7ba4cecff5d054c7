// What it costs an outsider to replace the last L blocks: the model of the laboratory (`posw lab attack`, `posw lab budget`; doc/lab.md), for the
// weight rules that a chain can have. Everything is a pure function; amounts of coins and dollars are floating point here, as they are there.

const HOURS_PER_YEAR = 8766,
  WEI = 10n ** 18n,
  ROUNDING = 1 + 1e-12; // a stake that is meant to be a whole number of units or tickets does not miss it by the last digit

/** Wei of an amount in coins, rounded down, exactly. */
function weiOf(coins) {
  let shift = 0n;
  for (; !Number.isInteger(coins) && shift < 1100n; shift++) coins *= 2;
  return coins > 0 ? (BigInt(coins) * WEI) >> shift : 0n;
}
const coinsOf = (wei) => Number(wei) / 1e18;
const stakeWei = (coins) => weiOf(coins * ROUNDING);
const wholeSteps = (coins, step) => Math.floor((coins / step) * ROUNDING);

/**
 * The rule of a chain, from posw_chainParameters. { ticket, blockTime, window, epoch, unbonding, maxReorg, halfLife, lag } (the last two are 0 where its
 * difficulty has none) and, of a ticket rule, { boost, slots, price },
 * of a rule of stake alone { unit, min, max, exponent }.
 */
export function ruleOf(p) {
  const w = p.weight,
    halfLife = Number(p.difficulty.halfLife ?? 0),
    common = {
      ticket: w.rule === 'ticket',
      blockTime: Number(p.blockTime),
      window: Number(p.window),
      epoch: Number(p.epoch),
      unbonding: Number(p.unbonding),
      maxReorg: Number(p.maxReorg),
      halfLife,
      lag: p.difficulty.rule === 'asert-lag' ? Math.min(Math.floor(halfLife / 16), Number(p.window)) : 0,
    };
  return common.ticket
    ? { ...common, boost: Number(w.boost), slots: BigInt(w.slots), price: BigInt(w.price) }
    : { ...common, unit: BigInt(w.unit), min: Number(w.min), max: Number(w.max), exponent: w.exponent };
}

/** Of a ticket, in wei (W3). */
function ticketWei(rule, supply) {
  if (rule.price > 0n) return rule.price;
  const derived = weiOf(supply) / (rule.slots * BigInt(rule.window));
  return derived > 1n ? derived : 1n;
}
export const ticketPrice = (rule, supply) => coinsOf(ticketWei(rule, supply));

/** F of a rule of stake alone (W1). */
function weightOf(rule, stake) {
  const units = Math.min(rule.max, Math.max(rule.min, Number(stakeWei(stake) / rule.unit)));
  const power = units ** rule.exponent;
  return Number.isInteger(rule.exponent) ? power : Math.floor(power);
}

/**
 * The economy: { price (USD of a coin), supply, staked (coins), miners, reward (coins a block), delta, interest (a year), premium (rented hash over the
 * honest miners' cost) }. Stakes count as equal.
 */
function honestMiners(rule, s) {
  const each = s.staked / s.miners;
  if (!rule.ticket) return { weight: weightOf(rule, each), hashShare: 1 - 1 / s.miners };
  const price = ticketWei(rule, s.supply),
    tickets = s.miners * Number(stakeWei(each) / price);
  const ratio = Math.min(1, tickets / rule.window),
    slots = rule.window * coinsOf(price) * s.price,
    reward = rewardPerHour(rule, s) * HOURS_PER_YEAR;
  return {
    weight: rule.boost / (ratio + rule.boost * (1 - ratio)),
    hashShare: reward > 0 ? Math.min(1, Math.max(1 / rule.boost, 1 - (s.interest * ratio * slots) / reward)) : 1,
  };
}

/** What miners earn, USD an hour: the security budget. */
const rewardPerHour = (rule, s) => (s.reward * s.price * 3600) / rule.blockTime;

/** What the honest miners spend on hash, USD an hour. */
export const hashCostPerHour = (rule, s) => honestMiners(rule, s).hashShare * rewardPerHour(rule, s);

function prepare(rule, s, depth) {
  const honest = honestMiners(rule, s),
    hours = (depth * rule.blockTime) / 3600;
  const lockHours = ((2 * rule.epoch + rule.unbonding + depth) * rule.blockTime) / 3600;
  return { rule, s, depth, weight: honest.weight, hash: honest.hashShare * rewardPerHour(rule, s) * hours * s.premium, lockHours };
}

function route(a, stake, weight, tickets = 0) {
  const value = stake * a.s.price,
    ratio = a.weight / weight,
    hash = a.hash * ratio,
    loss = a.s.delta * value;
  const interest = a.s.interest * (a.lockHours / HOURS_PER_YEAR) * value;
  return { cost: hash + loss + interest, hash, loss, interest, capital: hash + value, stake, tickets, weight, hashRatio: ratio };
}

// ---- tickets: each block of the branch takes one, or M times the hash ----

function ticketRoute(a, tickets) {
  const slots = Math.min(a.depth, a.rule.window),
    part = Math.min(1, tickets / slots);
  return route(a, tickets * ticketPrice(a.rule, a.s.supply), 1 / (part / a.rule.boost + (1 - part)), tickets);
}

/** The cost is linear in the number of tickets: none, or as many as there are. */
function bestTickets(a) {
  const slots = Math.ceil(Math.min(a.depth, a.rule.window)),
    most = Math.min(slots, wholeSteps(a.s.supply, ticketPrice(a.rule, a.s.supply)));
  return most < 1 ? null : ticketRoute(a, most);
}

// ---- stake alone: the same coins serve every block; only whole units matter ----

const stakeRoute = (a, stake) => route(a, stake, weightOf(a.rule, stake));

function bestStake(a) {
  const step = coinsOf(a.rule.unit),
    stakeMax = a.rule.max === a.rule.min || a.rule.exponent === 0 ? 0 : step * a.rule.max;
  const most = Math.min(stakeMax, a.s.supply);
  const units = wholeSteps(most, step);
  if (units < 1) return null;
  // Of low to high units none costs less than the stake of `low` and the hash of `high`: ranges that may hold a cheaper one are halved.
  let best = null;
  for (const ranges = [[1, units]]; ranges.length > 0; ) {
    const [low, high] = ranges.pop(),
      middle = Math.floor(low + (high - low) / 2),
      least = stakeRoute(a, low * step),
      last = stakeRoute(a, high * step);
    if (best === null || last.cost < best.cost) best = last;
    if (least.cost < best.cost) best = least;
    if (middle < high && middle + 1 > low && least.cost - least.hash + last.hash < best.cost * (1 - 1e-8)) ranges.push([middle + 1, high], [low, middle]);
  }
  return best;
}

/** The cheapest attack on `depth` blocks: { best, pureHash, staked (null: there is no such way), weight (of the honest hash), lockHours }. USD. */
export function attack(rule, s, depth) {
  const a = prepare(rule, s, depth),
    pureHash = rule.ticket ? ticketRoute(a, 0) : stakeRoute(a, 0);
  const staked = rule.ticket ? bestTickets(a) : bestStake(a);
  return { best: staked !== null && staked.cost < pureHash.cost ? staked : pureHash, pureHash, staked, weight: a.weight, lockHours: a.lockHours };
}

const DEPTH_MAX = 1_000_000;

/** The least depth up to a million that `enough` says yes to, as it does to all deeper ones; Infinity: none. */
function leastDepth(enough) {
  if (!enough(DEPTH_MAX)) return Infinity;
  let low = 0,
    high = DEPTH_MAX;
  while (high - low > 1) {
    const middle = Math.floor(low + (high - low) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Of a secret branch that weighs a million blocks, difficulties and weight block by block, where a difficulty by half-life lets it date them a second apart,
 * so that they grow harder (the rules D2 and D8).
 */
function hastyBranch(rule) {
  const ratio = 2 ** ((1 - 1 / rule.blockTime) / rule.halfLife),
    difficulties = [],
    weights = [];
  for (let weight = 0, next = 1; weight < DEPTH_MAX; ) {
    if (difficulties.length > rule.lag) next *= ratio;
    difficulties.push(next);
    weights.push((weight += next));
  }
  return { difficulties, weights };
}

/** The least depth that fewer than `blocks` blocks of it do not outweigh; Infinity: more than a million. */
function reachOf({ weights }, blocks) {
  if (blocks < 2) return blocks;
  const depth = Math.max(blocks, Math.floor(weights[blocks - 2] ?? Infinity) + 1);
  return depth <= DEPTH_MAX ? depth : Infinity;
}

/** The cheapest attack by such a branch: t tickets boost its last t blocks, and every window before them alike. */
function hastyCost(rule, s, depth, { difficulties, weights }) {
  const a = prepare(rule, s, depth),
    count = weights.findIndex((weight) => weight >= depth) + 1;
  const price = ticketPrice(rule, s.supply),
    most = Math.min(count, rule.window, wholeSteps(s.supply, price));
  let work = weights[count - 1],
    least = Infinity;
  for (let t = 0; t <= most; t++) {
    for (let back = t; t > 0 && back <= count; back += rule.window) work -= (1 - 1 / rule.boost) * difficulties[count - back];
    least = Math.min(least, route(a, t * price, depth / work).cost);
  }
  return least;
}

/**
 * Confirmations after which undoing a payment of `value` USD loses: with true times the larger of { byCost, byStake }, the depth whose cheapest attack costs
 * that much, and under tickets the one whose tickets lose that much by the fall of the price; `safe` with false times, too. Infinity: none up to a million,
 * or the price does not fall.
 */
export function confirmations(rule, s, value) {
  const byStake = rule.ticket ? Math.ceil(value / (s.delta * s.price * ticketPrice(rule, s.supply))) : 0,
    byCost = leastDepth((depth) => attack(rule, s, depth).best.cost >= value);
  let safe = Math.max(byCost, byStake);
  if (rule.ticket && rule.halfLife && safe < Infinity) {
    const branch = hastyBranch(rule);
    safe = Math.max(
      safe,
      byStake <= rule.window ? reachOf(branch, byStake) : 0,
      leastDepth((depth) => hastyCost(rule, s, depth, branch) >= value),
    );
  }
  return { byCost, byStake, safe };
}

/** The same economy as a scenario file of the laboratory. */
export const scenarioFile = (rule, s) => ({
  price_usd: s.price,
  supply: s.supply,
  block_reward: s.reward,
  block_time_s: rule.blockTime,
  miners: s.miners,
  staked_share: s.staked / s.supply,
  stakes: 'equal',
  interest_rate: s.interest,
  delta: s.delta,
  rent_premium: s.premium,
});
