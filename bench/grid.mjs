// The grid of Buildbot and ours in one browser, in turns, each time without a cache: from the address to the last cell.
// Usage: node grid.mjs CHROMIUM TURNS CELLS OURS BUILDBOT
import { Browser } from "../scripts/lib/browser.mjs";

const [program, turns, cells, ours, buildbot] = process.argv.slice(2);
const PATIENCE = 120_000;
const peers = [
  { name: "ours", url: ours, count: `document.querySelectorAll("#grid td a").length` },
  { name: "Buildbot", url: buildbot, count: `document.querySelectorAll("table .badge, table [class*=results]").length` },
];

// One page in a browser of its own: nothing is there from before.
const load = async ({ url, count }) => {
  const browser = await Browser.start(program);
  try {
    await browser.look({ width: 1280 });
    const began = performance.now();
    await browser.say("Page.navigate", { url });
    // Painted once two frames have passed.
    const painted = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`;
    for (;;) {
      if (await browser.run(count) >= cells) break;
      if (performance.now() - began > PATIENCE) throw new Error(url + " shows no grid");
      await new Promise((done) => setTimeout(done, 5));
    }
    await browser.say("Runtime.evaluate", { expression: painted, awaitPromise: true });
    return { ms: performance.now() - began, ...browser.traffic };
  } finally {
    await browser.end();
  }
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

const found = peers.map(() => []);
for (let turn = 0; turn < turns; turn++) {
  for (const [at, peer] of peers.entries()) found[at].push(await load(peer));
}
for (const [at, { name }] of peers.entries()) {
  const of = (figure) => found[at].map((one) => one[figure]);
  console.log(`${name}: ${spread(of("ms"))} ms to the last cell, ${spread(of("bytes").map((bytes) => bytes / 1000))} kB, `
    + `${spread(of("requests"))} requests`);
}
const ratio = (figure) => (median(found[1].map((one) => one[figure])) / median(found[0].map((one) => one[figure]))).toFixed(1);
console.log(`Buildbot to ours: ${ratio("ms")} times as long, ${ratio("bytes")} times the bytes`);
