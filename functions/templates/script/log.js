// Logs: what is printed is added as it comes, with its colours, by the rules of the server; links to lines; keys.
(() => {
  const list = document.getElementById("lines"), box = document.getElementById("log");
  const log = list || (box && box.dataset.next !== undefined ? box : null);
  const LONGEST = 8192, MOST = 20000;

  document.addEventListener("fresh", (event) => {
    const other = event.detail.getElementById(list ? "lines" : "log");
    if (box && other && box.dataset.log !== other.dataset.log) event.preventDefault();
  });
  if (!log) return;

  // Colours become one of 64, two bits each of red, green and blue.
  const NAMED = [[0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
    [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255]];
  const CUBE = [0, 95, 135, 175, 215, 255];
  const rgb = (...parts) => parts.every((part) => part >= 0 && part < 256)
    ? parts.map((part) => Math.floor((part + 42) / 85)).join("") : null;
  const indexed = (n) => {
    if (!(n >= 0 && n < 256)) return null;
    if (n < 16) return rgb(...NAMED[n]);
    if (n >= 232) return rgb(8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232));
    return rgb(CUBE[Math.floor((n - 16) / 36)], CUBE[Math.floor((n - 16) / 6) % 6], CUBE[(n - 16) % 6]);
  };
  const chosen = (rest) => {
    const kind = rest.shift();
    return kind === 5 ? indexed(rest.shift()) : kind === 2 ? rgb(rest.shift(), rest.shift(), rest.shift()) : null;
  };
  const apply = (style, parameters) => {
    const all = parameters.split(";");
    while (all.length) {
      const [code, ...sub] = all.shift().split(":").map(Number);
      if (sub.length > 4 && sub[0] === 2) sub.splice(1, 1);
      const rest = sub.length ? sub : all.map(Number);
      const before = rest.length;
      if (code === 0) for (const key of Object.keys(style)) delete style[key];
      else if (code === 1) style.bold = true;
      else if (code === 2) style.dim = true;
      else if (code === 3) style.italic = true;
      else if (code === 4 || code === 21) style.under = !sub.length || sub[0] !== 0;
      else if (code === 7) style.inverse = true;
      else if (code === 9) style.struck = true;
      else if (code === 22) style.bold = style.dim = false;
      else if (code === 23) style.italic = false;
      else if (code === 24) style.under = false;
      else if (code === 27) style.inverse = false;
      else if (code === 29) style.struck = false;
      else if (code === 39) style.text = null;
      else if (code === 49) style.behind = null;
      else if (code >= 30 && code <= 37) style.text = indexed(code - 30);
      else if (code >= 40 && code <= 47) style.behind = indexed(code - 40);
      else if (code >= 90 && code <= 97) style.text = indexed(code - 82);
      else if (code >= 100 && code <= 107) style.behind = indexed(code - 92);
      else if (code === 38) style.text = chosen(rest) || style.text;
      else if (code === 48) style.behind = chosen(rest) || style.behind;
      else if (code === 58) chosen(rest);
      if (!sub.length) all.splice(0, before - rest.length);
    }
  };
  const classes = (style) => {
    const plain = !style.text && !style.behind;
    const [text, behind] = style.inverse ? [style.behind, style.text] : [style.text, style.behind];
    return [text && "f" + text, behind && "b" + behind, style.inverse && plain && "sv", style.bold && "sb",
      style.dim && plain && !style.inverse && "sd", style.italic && "si", style.under && "su", style.struck && "ss"]
      .filter(Boolean).join(" ");
  };
  const ESCAPE = /\x1b(?:\[([ -?]*)([@-~])?|[\]P^_X](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\)?|[ -\/]*[0-~]?)?|[\0-\x08\x0b-\x1f\x7f-\x9f]/g;
  // One line as nodes; of what was written over itself, the last state.
  const painted = (line, style) => {
    let nodes = [], from = 0, back = false;
    const push = (text) => {
      if (!text) return;
      if (back) nodes = [];
      back = false;
      const look = classes(style);
      if (!look) return nodes.push(document.createTextNode(text));
      const span = document.createElement("span");
      span.className = look;
      span.textContent = text;
      nodes.push(span);
    };
    for (const found of line.matchAll(ESCAPE)) {
      push(line.slice(from, found.index));
      from = found.index + found[0].length;
      if (found[0] === "\r") back = true;
      else if (found[2] === "m" && /^[\d;:]*$/.test(found[1])) apply(style, found[1]);
    }
    push(line.slice(from));
    return nodes;
  };

  // What comes after the last byte is added line by line; a line that is not complete is shown and written again.
  const style = {};
  let decoder = new TextDecoder(), rest = "", open = null, number = Number(log.dataset.line || 0);
  const element = (line, look) => {
    const nodes = painted(line.slice(0, LONGEST), look);
    if (!list) {
      const span = document.createElement("span");
      span.append(...nodes, "\n");
      return span;
    }
    const item = document.createElement("li"), link = document.createElement("a");
    item.id = "L" + number;
    link.href = "#L" + number;
    link.textContent = number;
    item.append(link, ...nodes);
    return item;
  };
  const add = (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop().slice(0, 8 * LONGEST);
    if (open) open.remove();
    open = null;
    const fresh = document.createDocumentFragment();
    for (const line of lines) {
      fresh.append(element(line, style));
      number += 1;
    }
    if (rest) {
      open = element(rest, { ...style });
      open.classList.add("open");
      fresh.append(open);
    }
    log.append(fresh);
    while (log.childNodes.length > MOST) log.firstChild.remove();
    const last = document.getElementById("log-last");
    if (last && lines.length) last.textContent = number - 1;
  };

  const follow = document.getElementById("follow");
  const atEnd = () => list ? innerHeight + scrollY > document.documentElement.scrollHeight - 60
    : log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const toEnd = () => list ? scrollTo(0, document.documentElement.scrollHeight) : log.scrollTo(0, log.scrollHeight);
  const grow = async () => {
    for (;;) {
      const answer = await farm.fetched(log.dataset.log + "?from=" + log.dataset.next);
      const bytes = await answer.arrayBuffer();
      log.dataset.next = answer.headers.get("x-log-next");
      if (!bytes.byteLength) {
        if (answer.headers.get("x-log-more") !== "false") return;
        log.dataset.grows = "false";
        if (follow) follow.parentElement.hidden = true;
        return farm.refresh();
      }
      // A reader who has scrolled up is left in peace.
      const stay = follow ? follow.checked : atEnd();
      add(decoder.decode(bytes, { stream: true }));
      if (stay) toEnd();
    }
  };

  // Lines that the address names: #L12, #L12-L20.
  const range = () => {
    const found = location.hash.match(/^#L(\d+)(?:-L(\d+))?$/);
    return found && [Number(found[1]), Number(found[2] || found[1])].sort((a, b) => a - b);
  };
  const choose = () => {
    for (const line of log.querySelectorAll(".chosen")) line.classList.remove("chosen");
    const wanted = range();
    if (!wanted) return;
    const first = document.getElementById("L" + wanted[0]);
    if (!first) {
      const asked = new URLSearchParams(location.search);
      if (asked.get("line") === String(wanted[0]) || wanted[0] >= number && log.dataset.grows === "true") return;
      asked.set("line", wanted[0]);
      asked.delete("to");
      return location.replace(log.dataset.page + "?" + asked + location.hash);
    }
    for (let n = wanted[0]; n <= Math.min(wanted[1], wanted[0] + MOST); n++) {
      const line = document.getElementById("L" + n);
      if (line) line.classList.add("chosen");
    }
    if (follow) follow.checked = false;
    first.scrollIntoView({ block: "center" });
  };

  const typing = (target) => target.closest("input,textarea,select,[contenteditable]");
  const jump = (forward) => {
    const at = (range() || [0])[0];
    const links = [...document.querySelectorAll("[data-jump]")].sort((a, b) => a.dataset.jump - b.dataset.jump);
    const next = forward ? links.find((link) => link.dataset.jump > at) : links.reverse().find((link) => link.dataset.jump < at);
    if (next) next.click();
  };
  const keys = {
    n: () => jump(true),
    p: () => jump(false),
    g: () => document.getElementById("L1") ? scrollTo(0, 0) : location.assign(log.dataset.page + "?line=1"),
    G: () => document.querySelector("[rel=next]") ? location.assign(log.dataset.page) : toEnd(),
  };

  const grows = log.dataset.grows === "true";
  if (list) {
    addEventListener("hashchange", choose);
    list.addEventListener("click", (event) => {
      const link = event.target.closest("li > a"), from = range();
      if (!link || !event.shiftKey || !from) return;
      event.preventDefault();
      const [first, last] = [from[0], Number(link.textContent)].sort((a, b) => a - b);
      location.hash = "L" + first + "-L" + last;
    });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    for (const hint of document.querySelectorAll(".keys")) hint.hidden = false;
    choose();
    if (grows) {
      follow.parentElement.hidden = false;
      addEventListener("scroll", () => { follow.checked = atEnd(); });
      follow.addEventListener("change", () => { if (follow.checked) toEnd(); });
      if (follow.checked && !location.hash) toEnd();
    }
  } else {
    toEnd();
  }
  if (grows) farm.loop(() => 1000, async () => { if (log.dataset.grows === "true") await grow(); });
})();
