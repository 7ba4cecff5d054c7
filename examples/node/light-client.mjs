// The light client of examples/light-client, in Node.js. Usage: node light-client.mjs CHAIN.json HEADERS.txt [NOW]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const posw = createRequire(import.meta.url)("./posw.node");
const [chain, headers, now] = process.argv.slice(2);
const pairs = readFileSync(headers, "utf8").trim().split("\n").map((line) => {
  const [header, proof] = line.split(" ");
  return [Buffer.from(header, "hex"), proof === "-" ? null : Buffer.from(proof, "hex")];
});
const result = posw.check(readFileSync(chain), pairs, now ? Number(now) : Math.floor(Date.now() / 1000));
if (result.rule !== "") {
  console.log(`header ${result.accepted + 1} is refused by rule ${result.rule}: ${result.text}`);
  process.exit(1);
}
console.log(`${result.accepted} headers hold (libposw ${posw.version}); weight ${result.weight}; tip 0x${result.tip}`);
