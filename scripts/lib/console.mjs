// Looks at the emulator's console in Chromium: wide and narrow, light and dark, with and without its script.
// Usage: node console.mjs CHROMIUM CONSOLE-URL PUBSUB-URL FOLDER-FOR-PICTURES
import assert from "node:assert/strict";
import { join } from "node:path";
import { Browser, until } from "./browser.mjs";

const [program, site, pubsub, folder] = process.argv.slice(2);
const project = pubsub + "/v1/projects/demo";
const name = (kind, id) => `projects/demo/${kind}/${id}`;

const ask = async (method, path, body) => {
  const answer = await fetch(project + path, { method, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, path + ": " + await answer.clone().text());
  return answer.json();
};
const publish = (topic, text, attributes = {}, orderingKey = "") => ask("POST", `/topics/${topic}:publish`,
  { messages: [{ data: Buffer.from(text).toString("base64"), attributes, orderingKey }] });

// Topics, a backlog, and letters that failed five times.
const fill = async () => {
  for (const topic of ["orders", "orders-dead", "clicks"]) await ask("PUT", "/topics/" + topic, {});
  const deadLetterPolicy = { deadLetterTopic: name("topics", "orders-dead"), maxDeliveryAttempts: 5 };
  await ask("PUT", "/subscriptions/billing", { topic: name("topics", "orders"), deadLetterPolicy });
  await ask("PUT", "/subscriptions/orders-dead", { topic: name("topics", "orders-dead") });
  await ask("PUT", "/subscriptions/warehouse-with-quite-a-long-name-for-a-narrow-screen", { topic: name("topics", "orders"),
    filter: 'attributes.kind = "order"', pushConfig: { pushEndpoint: "http://127.0.0.1:9/warehouse/receive" } });
  for (const number of [1, 2, 3]) {
    await publish("orders", JSON.stringify({ order: number, item: "lamp", price: 19.9 }), { kind: "order", source: "shop" });
  }
  for (let round = 0; round < 5; round++) {
    const acks = [];
    await until("letters", async () => {
      const { receivedMessages = [] } = await ask("POST", "/subscriptions/billing:pull", { maxMessages: 10 });
      acks.push(...receivedMessages.map((one) => one.ackId));
      return acks.length >= 3;
    });
    await ask("POST", "/subscriptions/billing:modifyAckDeadline", { ackIds: acks, ackDeadlineSeconds: 0 });
  }
  await publish("orders", "\u0000\u0001 not for people \u001b[31m<b>&amp;</b>", { kind: "odd" });
  await publish("orders", "x".repeat(6000), { kind: "long" });
  const page = async () => (await (await fetch(site + "/dead-letters")).text()).includes("delivered 5 times");
  await until("the dead letters", page);
};

await fill();
const browser = await Browser.start(program);
// Between two pages there is none.
const text = () => browser.run("document.body.innerText").catch(() => "");
const fits = async (what, width) => {
  // A phone's own idea of its width grows with the page.
  const page = await browser.run("Math.max(document.documentElement.scrollWidth, innerWidth)");
  assert.ok(page <= width, `${what} is ${page} pixels wide on a screen of ${width}`);
};
const pages = {
  front: "/",
  subscription: "/subscription?name=" + name("subscriptions", "billing"),
  topic: "/topic?name=" + name("topics", "orders"),
  letters: "/dead-letters",
  calls: "/calls",
  trouble: "/nowhere",
};
for (const width of [1280, 390]) {
  for (const dark of [false, true]) {
    await browser.look({ width, dark });
    for (const [page, path] of Object.entries(pages)) {
      await browser.open(site + path);
      await fits(page, width);
      await browser.picture(join(folder, `${page}-${width}-${dark ? "dark" : "light"}.png`));
    }
  }
}
const refused = browser.complaints.filter((text) => !text.includes("404"));
assert.deepEqual(refused, [], "what the pages' own policy or script complained of");
console.log("ok: every page fits 1280 and 390 pixels, light and dark, and breaks no policy");

await browser.look({ width: 1280 });
await browser.open(site + pages.topic);
await until("the tail to be live", async () => (await text()).includes("live"));
await publish("orders", "<img src=x onerror=alert(1)>", { kind: "<i>late</i>" }, "k");
await until("the message in the tail", async () => (await text()).includes("<img src=x onerror=alert(1)>"));
assert.equal(await browser.run("document.querySelectorAll('#tail img, #tail i').length"), 0);
await publish("clicks", "of another topic");
const first = "document.querySelector('#tail li').innerText";
assert.ok((await browser.run(first)).includes("key k"));
for (let n = 0; n < 250; n++) await publish("orders", "burst " + n, { kind: "burst" });
await until("the burst", async () => (await browser.run(first)).includes("burst 249"));
assert.equal(await browser.run("document.querySelectorAll('#tail > li').length"), 200);
assert.ok(!(await text()).includes("of another topic"));
console.log("ok: the tail is live, of its topic alone, bounded, and shows text as text");

await browser.open(site + "/");
const backlog = "document.querySelector('#facts').innerText";
const before = await browser.run(backlog);
await publish("orders", "one more", { kind: "more" });
await until("the backlog to grow", async () => (await browser.run(backlog)) !== before);
console.log("ok: the first page keeps up");

const letters = async () => browser.run("document.querySelectorAll('form[action=\"/redeliver\"]').length");
const sent = async (what) => {
  const count = await letters();
  await browser.run("document.querySelector('form[action=\"/redeliver\"] button').click()");
  await until(what, async () => (await text()).includes("was published again on orders"));
  assert.equal(await letters(), count - 1);
};
await browser.open(site + pages.letters);
assert.equal(await letters(), 3);
await sent("the letter to be sent back");
console.log("ok: a dead letter is sent back by its button");

await browser.look({ width: 390, script: false });
await browser.open(site + pages.letters);
// Without the page's scripts a click is made as a hand makes it.
const at = await browser.run(`(() => {
  const button = document.querySelector('form[action="/redeliver"] button');
  button.scrollIntoView();
  const box = button.getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
})()`);
for (const type of ["mousePressed", "mouseReleased"]) {
  await browser.say("Input.dispatchMouseEvent", { type, ...at, button: "left", clickCount: 1 });
}
await until("the letter to be sent back", async () => (await text()).includes("was published again on orders"));
for (const [page, told] of [["front", "billing"], ["topic", "burst 249"], ["calls", "dashboard"]]) {
  await browser.open(site + pages[page]);
  assert.ok((await text()).includes(told), page + " without its script: " + await text());
}
console.log("ok: all of it works without script");
await browser.end();
