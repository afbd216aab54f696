// Uses the farm's pages as people do, in Chromium, while the farm builds.
// Usage: node dashboard.mjs CHROMIUM SITE GO-FILE REPOSITORY TOKEN FOLDER-FOR-PICTURES [AXE-CORE]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Browser, until } from "./browser.mjs";

const [program, site, goFile, repo, token, folder, axeFile] = process.argv.slice(2);
const axe = axeFile && readFileSync(axeFile, "utf8");
const json = async (path) => {
  const answer = await fetch(site + path, { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : undefined;
};
const R = "repo=demo&branch=main";
const head = () => execFileSync("git", ["-C", repo, "rev-parse", "HEAD"], { encoding: "utf8" }).trim();
const commit = (message) => execFileSync("git", ["-C", repo, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit",
  "--quiet", "--allow-empty", "--message", message]);

// The builds of the newest commit, by builder, once they stand as wanted.
const cells = async (commit) => {
  const grid = await json("/api/grid?" + R);
  const row = grid?.rows.find((row) => row.commit.id === commit);
  return row && Object.fromEntries(grid.builders.map((builder, at) => [builder, row.cells[at]]));
};
const stands = (commit, builder, status) => until(`${builder} to be ${status}`, async () => {
  const cell = (await cells(commit))?.[builder];
  return cell?.status === status && cell;
});

const newest = head();
const red = await stands(newest, "linux-amd64-race", "failed");
await stands(newest, "linux-amd64", "ok");
const slow = await stands(newest, "netbsd-slow", "running");
const attempt = (build) => `${build.build}/${build.run}/steps/1`;
const browser = await Browser.start(program);
const text = () => browser.run("document.body.innerText").catch(() => "");
const count = (selector) => browser.run(`document.querySelectorAll(${JSON.stringify(selector)}).length`).catch(() => 0);
const ok = (what) => console.log("ok: " + what);

// The grid is live: what changes is swapped in, and nothing is loaded anew.
await browser.look({ width: 1280 });
await browser.open(site + "/");
assert.equal(await browser.run("[...document.querySelectorAll('#grid .subject')].some((one) => one.querySelector('i'))"), false,
  "a commit's message has become markup");
const cell = (build, kind) => `#grid a.${kind}[href^="/build/${build.build}"]`;
await until("a running cell", () => count(cell(slow, "running")));
ok("the grid shows what runs; a commit's message stays text");

// Filters, by hand and by key.
const columns = () => count("#grid tbody tr:first-child td a");
const all = await columns();
await browser.say("Input.dispatchKeyEvent", { type: "keyDown", key: "/", text: "/" });
assert.equal(await browser.run("document.activeElement.name"), "builder");
await browser.say("Input.insertText", { text: "race" });
await until("the filter", async () => await columns() === 1 && all > 1);
const made = () => browser.run("document.querySelector('#made time').dateTime");
const first = await made();
await until("a live update", async () => await made() !== first);
assert.equal(await columns(), 1, "a live update has undone the filter");
assert.ok((await browser.run("location.search")).includes("builder=race"));
await browser.open(site + "/?" + R + "&red=1");
assert.equal(await count("#grid tbody a.ok") , 0, "only red shows a column that is green");
assert.ok(await count("#grid tbody a.failed") > 0);
ok("filters narrow the grid at once, stay in the address and survive live updates");

// Keys go from commit to commit and from build to build.
await browser.open(site + "/");
const key = (key) => browser.say("Input.dispatchKeyEvent", { type: "keyDown", key, text: key });
for (const one of ["j", "j", "l"]) await key(one);
assert.ok(await browser.run("document.activeElement.closest('#grid tbody') !== null"));
await key("?");
assert.equal(await browser.run("document.getElementById('keys').open"), true);
ok("keys move the focus and explain themselves");

// Older commits by pages.
await browser.open(site + "/");
const older = await browser.run("document.querySelector('#pages a[rel=next]')?.href");
assert.ok(older, "forty commits have a second page");
await browser.open(older);
assert.ok(await count("#grid tbody tr") > 0);
ok("older commits are a page away");

// The log grows while it is looked at.
await browser.open(`${site}/read/${attempt(slow)}`);
const lines = () => count("#lines > li");
const before = await lines();
await until("more lines", async () => await lines() > before + 3);
assert.ok(await count("#lines span[class]") > 0, "colours of the terminal are shown");
assert.equal(await browser.run("/\\x1b/.test(document.getElementById('lines').textContent)"), false);
ok("a log is followed as it grows, in its colours");

// The first error of a log, lines as links, search.
await browser.open(`${site}/read/${attempt(red)}`);
const found = await browser.run("document.getElementById('log-found').innerText");
assert.ok(found.includes("FAIL: TestServerTimeouts"), found);
assert.equal(await count("#lines b:not([class]), #log-found b:not([class])"), 0, "a log's text has become markup");
await browser.open(`${site}/read/${attempt(red)}?q=TestNumber29`);
assert.ok(await count("#hits li") > 5);
const hit = await browser.run("document.querySelector('#hits li a').href");
await browser.open(hit);
assert.ok((await text()).includes("TestNumber29"));
ok("the first error stands on top, lines have addresses, a search finds them");

// Re-run: who is signed in presses a button.
await browser.open(`${site}/build/${red.build}`);
await browser.run("document.querySelector('a[href^=\"/sign-in\"]').click()");
await until("the form to sign in", () => count("#token"));
await browser.run(`document.getElementById("token").value = ${JSON.stringify(token)}; document.querySelector("form[action='/sign-in'] button").click()`);
await until("the build's page", () => count("form[action='/retry'] button"));
await browser.run("document.querySelector('form[action=\"/retry\"] button').click()");
await until("the second run", async () => (await json("/api/build/" + red.build))?.runs.length === 2);
assert.equal(await browser.run("document.cookie"), "", "a script can read the session");
ok("a build is run again by its button, by who is signed in");

// The running cell turns green under the reader's eyes.
await browser.open(site + "/");
await browser.run("window.same = true");
writeFileSync(goFile, "");
await until("the cell to turn green", () => count(cell(slow, "ok")));
assert.equal(await browser.run("window.same"), true, "the page was loaded anew");
commit("one more <b>commit</b>");
await until("the new commit", async () => (await text()).includes("one more <b>commit</b>"));
await stands(head(), "netbsd-slow", "ok");
ok("cells and commits come by themselves");

// All pages: on a desk and on a phone, light and dark; no policy broken, nothing serious for who cannot see.
await stands(head(), "linux-amd64-race", "failed");
const pages = {
  grid: "/",
  older: older.slice(site.length),
  commit: `/commits/${newest}?repo=demo`,
  build: "/build/" + red.build,
  log: "/read/" + attempt(red),
  search: "/read/" + attempt(red) + "?q=TestNumber29",
  failures: "/failures?" + R,
  builders: "/builders",
  builder: "/builder/linux-amd64-race",
  machines: "/machines",
  queue: "/queue",
  tests: "/tests?" + R,
  flakes: "/flakes",
  about: "/about",
  past: "/?" + R + "&at=" + new Date(Date.now() - 2000).toISOString().slice(0, 19) + "Z",
  "sign-in": "/sign-in",
  trouble: "/nowhere",
};
const findings = async () => {
  await browser.run(axe + ";0");
  const { result, exceptionDetails } = await browser.say("Runtime.evaluate", { returnByValue: true, awaitPromise: true,
    expression: `axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations
      .filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => one.id + ": " + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")))` });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description);
  return result.value;
};
browser.complaints.length = 0;
const serious = [];
for (const width of [1280, 390]) {
  for (const dark of [false, true]) {
    await browser.look({ width, dark });
    for (const [page, path] of Object.entries(pages)) {
      await browser.open(site + path);
      const wide = await browser.run("Math.max(document.documentElement.scrollWidth, innerWidth)");
      assert.ok(wide <= width, `${page} is ${wide} pixels wide on a screen of ${width}`);
      const hidden = await browser.run(`(() => {
        const [ways, here] = [".top .ways", ".top .ways [aria-current]"].map((of) => document.querySelector(of)?.getBoundingClientRect());
        return Boolean(here) && (here.left < ways.left - 1 || here.right > ways.right + 1);
      })()`);
      assert.ok(!hidden, `${page}: which section is open cannot be seen on a screen of ${width}`);
      await browser.picture(join(folder, `${page}-${width}-${dark ? "dark" : "light"}.png`), false);
      if (axe) for (const one of await findings()) serious.push(`${page} ${width} ${dark ? "dark" : "light"}: ${one}`);
    }
  }
}
const complaints = browser.complaints.filter((one) => !/404|400/.test(one));
assert.deepEqual(complaints, [], "what the pages' own policy or script complained of");
assert.deepEqual(serious, [], "what axe-core finds serious or worse");
ok(`${Object.keys(pages).length} pages fit 1280 and 390 pixels, light and dark, and break no policy`
  + (axe ? "; axe-core finds nothing serious" : ""));

// Without script everything is there.
await browser.look({ width: 1280, script: false });
for (const [page, told] of [["grid", "one more <b>commit</b>"], ["log", "TestServerTimeouts"], ["build", "linux-amd64-race"]]) {
  await browser.open(site + pages[page]);
  assert.ok((await text()).includes(told), page + " without its script");
}
await browser.open(site + "/?" + R + "&builder=race");
assert.equal(await columns(), 1);
ok("all of it is there without script");
await browser.end();
