// Keeps the page up to date while somebody looks at it. Without this script the page is complete, and stands still.
"use strict";
(() => {
  const main = document.getElementById("main");
  const away = document.getElementById("away");
  const every = Number(main.dataset.every || 0);
  const span = (s) => s < 60 ? Math.floor(s) + " s" : s < 3600 ? Math.floor(s / 60) + " min"
    : s < 86400 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";

  // Times become "5 min ago", by this computer's clock; the exact time stays in the title.
  const tell = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      if (!time.title) time.title = time.textContent;
      const text = time.dataset.ago === "for" ? "for " + span(Math.max(seconds, 0))
        : seconds < 1 ? "now" : span(seconds) + " ago";
      if (time.textContent !== text) time.textContent = text;
    }
  };

  // Only what differs is replaced, within its element: scroll positions and focus stay where they are.
  const sources = new Map();
  const swap = (page) => {
    for (const next of page.querySelectorAll("[data-live]")) {
      const old = document.getElementById(next.id);
      if (!old) return location.reload();
      const html = next.innerHTML;
      if (sources.get(next.id) === html) continue;
      sources.set(next.id, html);
      const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
      old.className = next.className;
      old.replaceChildren(...next.childNodes);
      if (focus) {
        const again = [...old.querySelectorAll("a")].find((a) => a.getAttribute("href") === focus);
        if (again) again.focus({ preventScroll: true });
      }
    }
    document.title = page.title;
  };

  const fetched = async (url) => {
    const answer = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(answer.status);
    return answer;
  };

  const refresh = async () => {
    const url = location.href;
    const page = new DOMParser().parseFromString(await (await fetched(url)).text(), "text/html");
    // Meanwhile somebody has filtered: that answer comes too.
    if (location.href !== url) return;
    const next = page.getElementById("main");
    // What was not there before, or looks otherwise now, is loaded anew.
    if ("gone" in main.dataset) {
      if (!("gone" in next.dataset)) location.reload();
      return;
    }
    if ("gone" in next.dataset || next.children.length !== main.children.length) return location.reload();
    const log = document.getElementById("log"), other = page.getElementById("log");
    if (log && other && log.dataset.log !== other.dataset.log) return location.reload();
    if (log && other && log.dataset.grows !== other.dataset.grows) last = true;
    main.dataset.every = next.dataset.every;
    swap(page);
    tell();
  };

  // The log grows by what comes after the last byte. A reader who has scrolled up is left in peace.
  const log = document.getElementById("log");
  let decoder = new TextDecoder(), rest = "", last = false;
  const plain = (text) => {
    text = rest + text;
    const open = text.match(/\x1b(\[[ -?]*|[\]P^_X][^\x07\x1b\n]*\x1b?|[ -\/]*)?$/) || text.match(/\r$/);
    rest = open && open[0].length < 1000 ? open[0] : "";
    return text.slice(0, text.length - rest.length)
      .replace(/\x1b(\[[ -?]*[@-~]?|[\]P^_X][^\x07\x1b\n]*(\x07|\x1b\\)?|[ -\/]*[0-~]?)?/g, "")
      .replace(/\r\n/g, "\n").replace(/\r/g, "\n").replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, "");
  };
  const grow = async () => {
    const final = last;
    for (;;) {
      const answer = await fetched(log.dataset.log + "?from=" + log.dataset.next);
      const bytes = await answer.arrayBuffer();
      log.dataset.next = answer.headers.get("x-log-next");
      if (!bytes.byteLength) break;
      const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
      log.append(plain(decoder.decode(bytes, { stream: true })));
      if (bottom) log.scrollTop = log.scrollHeight;
    }
    // Once it has ended, what came meanwhile has been read too.
    if (final) log.dataset.grows = "false";
  };

  // A filter is part of the address: the page that is fetched for it, now and later, is filtered.
  const form = document.querySelector("form.filter");
  let typed;
  const filter = async () => {
    const query = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...query]) if (!value.trim()) query.delete(name);
    history.replaceState(null, "", "/?" + query);
    try {
      await refresh();
    } catch (error) {
      away.hidden = false;
    }
  };
  if (form) form.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(filter, 80);
  });

  // Keys: the focus goes from commit to commit and from build to build.
  const grid = document.getElementById("grid"), keys = document.getElementById("keys");
  const link = (row, at) => row && row.cells[at] && row.cells[at].querySelector("a");
  const go = (down, right) => {
    const rows = [...grid.tBodies[0].rows];
    const cell = grid.contains(document.activeElement) && document.activeElement.closest("tbody > tr > *");
    let y = cell ? rows.indexOf(cell.parentNode) : -1, x = cell ? cell.cellIndex : 0, next;
    if (!cell) next = link(rows[0], 0);
    else if (down) next = link(rows[y + down], x) || link(rows[y + down], 0);
    else while (!next && (x += right) >= 0 && x < rows[y].cells.length) next = link(rows[y], x);
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const turn = (rel) => {
    const to = document.querySelector("#pages a[rel=" + rel + "]");
    if (to) to.click();
  };
  const does = {
    j: () => go(1, 0), k: () => go(-1, 0), l: () => go(0, 1), h: () => go(0, -1),
    "/": () => form.elements.builder.focus(), "?": () => keys.showModal(), "[": () => turn("prev"), "]": () => turn("next"),
  };
  if (grid && form && keys) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || keys.open || !Object.hasOwn(does, event.key)) return;
      if (event.target.closest("input, select, textarea")) return;
      event.preventDefault();
      does[event.key]();
    });
    const open = document.getElementById("keys-open");
    open.hidden = false;
    open.addEventListener("click", () => keys.showModal());
  }

  const loop = (pause, work) => {
    const turn = async () => {
      if (!document.hidden) {
        try {
          await work();
          away.hidden = true;
        } catch (error) {
          away.hidden = "gone" in main.dataset;
        }
      }
      setTimeout(turn, pause());
    };
    setTimeout(turn, pause());
  };

  for (const live of document.querySelectorAll("[data-live]")) sources.set(live.id, live.innerHTML);
  tell();
  setInterval(() => { if (!document.hidden) tell(); }, 1000);
  if (log && log.dataset.next !== undefined) log.scrollTop = log.scrollHeight;
  if (log && log.dataset.grows === "true") loop(() => 1000, async () => { if (log.dataset.grows === "true") await grow(); });
  if (every) loop(() => Number(main.dataset.every || every), refresh);
})();
