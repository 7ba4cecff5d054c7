// What follows from blocks as they came: speed, hash power, blocks a day.

/** Speed of the latest blocks: hashes a second of difficulty, mean time, and hash that was really computed. */
export function pace(blocks, parameters) {
  const list = blocks.filter((b) => Number(b.number) > 0),
    span = list.length > 1 ? Number(list.at(-1).timestamp) - Number(list[0].timestamp) : 0;
  if (span <= 0) return null;
  const boost = parameters.weight.rule === 'ticket' ? Number(parameters.weight.boost) : 1,
    made = list.slice(1);
  const work = made.reduce((sum, b) => sum + Number(b.difficulty), 0);
  const hash = made.reduce((sum, b) => sum + Number(b.difficulty) / (b.boosted ? boost : 1), 0);
  return { time: span / made.length, work: work / span, hash: hash / span };
}

/** Blocks a day, over the window that posw_getMiners tells of; the target where there are too few. */
export function blocksADay(shares, parameters) {
  const n = Number(shares.blocks),
    span = Number(shares.seconds);
  return n > 1 && span > 0 ? (86400 * (n - 1)) / span : 86400 / Number(parameters.blockTime);
}
