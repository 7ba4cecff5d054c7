// The light client of examples/light-client, in Node.js. Usage: node light-client.mjs CHAIN.json HEADERS.txt [NOW]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const posw = createRequire(import.meta.url)("./posw.node");

// [header, proof or null] of each line.
function readHeaders(path) {
  const text = readFileSync(path, "utf8").trimEnd();
  if (text === "") throw new Error("the file of headers is empty");
  return text.split("\n").map((line, i) => {
    if (!/^([0-9a-f]{2})+ (-|([0-9a-f]{2})+)$/.test(line)) throw new Error(`line ${i + 1}: this is not a header and a proof in hexadecimal; was the file cut?`);
    const [header, proof] = line.split(" ");
    return [Buffer.from(header, "hex"), proof === "-" ? null : Buffer.from(proof, "hex")];
  });
}

function check(chain, headers, now) {
  const result = posw.check(readFileSync(chain), readHeaders(headers), now ? Number(now) : Math.floor(Date.now() / 1000));
  if (result.rule === "") console.log(`${result.accepted} headers hold (libposw ${posw.version}); weight ${result.weight}; tip 0x${result.tip}`);
  else console.log(`header ${result.accepted + 1} is refused by rule ${result.rule}: ${result.text}`);
  return result.rule === "" ? 0 : 1;
}

try {
  if (process.argv.length < 4) throw new Error("usage: node light-client.mjs CHAIN.json HEADERS.txt [NOW]");
  process.exitCode = check(...process.argv.slice(2));
} catch (error) {
  console.error(`light-client.mjs: ${error.message}`);
  process.exitCode = 2;
}
