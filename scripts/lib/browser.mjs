// A headless Chromium without any package: DevTools messages over a pipe, each ended by a NUL.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATIENCE = 30_000;

// Asks until there is an answer.
export const until = async (what, ask) => {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error("waited for " + what);
    await new Promise((done) => setTimeout(done, 50));
  }
};

export class Browser {
  static async start(program) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), "console-"));
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir=" + browser.profile, "about:blank"];
    browser.process = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.ended = new Promise((done) => browser.process.on("exit", done));
    browser.calls = new Map();
    browser.count = 0;
    browser.complaints = [];
    // Bytes over the network, and requests.
    browser.traffic = { bytes: 0, requests: 0 };
    let rest = "";
    browser.process.stdio[4].setEncoding("utf8").on("data", (piece) => {
      const parts = (rest + piece).split("\0");
      rest = parts.pop();
      for (const part of parts) browser.hear(JSON.parse(part));
    });
    const { targetInfos } = await browser.say("Target.getTargets");
    const page = targetInfos.find((target) => target.type === "page");
    browser.session = (await browser.say("Target.attachToTarget", { targetId: page.targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.say(domain + ".enable");
    return browser;
  }

  say(method, params = {}) {
    const id = ++this.count;
    const call = { id, method, params, ...(this.session && { sessionId: this.session }) };
    this.process.stdio[3].write(JSON.stringify(call) + "\0");
    return new Promise((done, failed) => this.calls.set(id, { done, failed, method }));
  }

  hear(message) {
    const call = this.calls.get(message.id);
    if (call) {
      this.calls.delete(message.id);
      if (message.error) call.failed(new Error(call.method + ": " + message.error.message));
      else call.done(message.result);
    }
    if (message.method === "Network.requestWillBeSent" && !message.params.request.url.startsWith("data:")) {
      this.traffic.requests++;
    }
    if (message.method === "Network.loadingFinished") this.traffic.bytes += message.params.encodedDataLength;
    // What a page's policy refuses is told here too.
    if (message.method === "Log.entryAdded" && message.params.entry.level === "error") {
      this.complaints.push(message.params.entry.text + " " + (message.params.entry.url || ""));
    }
    if (message.method === "Runtime.exceptionThrown") {
      this.complaints.push(message.params.exceptionDetails.exception?.description || "an exception");
    }
  }

  async look({ width, dark = false, script = true }) {
    const height = width < 600 ? 844 : 800;
    await this.say("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.say("Emulation.setEmulatedMedia", { features });
    await this.say("Emulation.setScriptExecutionDisabled", { value: !script });
  }

  async open(url) {
    await this.say("Page.navigate", { url });
    await until(url, () => this.run(`document.readyState === "complete" && location.href === ${JSON.stringify(url)}`));
  }

  async run(expression) {
    const { result, exceptionDetails } = await this.say("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(expression + ": " + exceptionDetails.exception?.description);
    return result.value;
  }

  // Of the whole page, or of what is seen of it at first.
  async picture(path, captureBeyondViewport = true) {
    const { data } = await this.say("Page.captureScreenshot", { captureBeyondViewport });
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  async end() {
    this.session = undefined;
    await this.say("Browser.close");
    await this.ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
