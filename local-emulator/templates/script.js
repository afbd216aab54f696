// Keeps the page up to date while somebody looks at it, and shows messages as they come. Without this script the page is
// complete, and stands still.
"use strict";
(() => {
  const main = document.getElementById("main");
  const away = document.getElementById("away");
  const every = Number(main.dataset.every || 0);

  // Only what differs is replaced, and not while somebody has a hand on it.
  const seen = new Map();
  const swap = (page) => {
    for (const next of page.querySelectorAll("[data-live]")) {
      const old = document.getElementById(next.id);
      if (!old) return location.reload();
      const html = next.innerHTML;
      if (seen.get(next.id) === html || old.contains(document.activeElement)) continue;
      const chosen = getSelection();
      if (!chosen.isCollapsed && old.contains(chosen.anchorNode)) continue;
      seen.set(next.id, html);
      old.replaceChildren(...next.childNodes);
    }
    document.title = page.title;
  };
  const refresh = async () => {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  };
  const turn = async () => {
    if (!document.hidden) {
      try {
        await refresh();
        away.hidden = true;
      } catch (error) {
        away.hidden = false;
      }
    }
    setTimeout(turn, every);
  };
  for (const live of document.querySelectorAll("[data-live]")) seen.set(live.id, live.innerHTML);
  if (every) setTimeout(turn, every);

  // The tail: a message is built as the page builds it, of text alone.
  const tail = document.getElementById("tail");
  const most = 200;
  const made = (name, text, parent, kind) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    if (kind) element.className = kind;
    parent.append(element);
    return element;
  };
  const row = (told) => {
    const li = document.createElement("li");
    const line = made("p", "", li, "facts-line");
    made("b", told.id, line);
    line.append(" ");
    const time = made("time", told.clock, line);
    time.dateTime = time.title = told.published;
    line.append(" ");
    made("span", told.size, line);
    if (told.key) made("code", told.key, made("span", "key ", line));
    if (told.attributes.length) {
      const list = made("ul", "", li, "attributes");
      list.setAttribute("aria-label", "Attributes");
      for (const [name, value] of told.attributes) {
        const code = made("code", "", made("li", "", list));
        made("b", name, code);
        code.append(" " + value);
      }
    }
    if (told.payload) {
      const pre = made("pre", told.payload, li);
      pre.tabIndex = 0;
      pre.setAttribute("aria-label", "Payload of " + told.id);
    }
    if (told.note) made("p", told.note, li, "muted small");
    return li;
  };
  const first = (element) => {
    tail.prepend(element);
    while (tail.children.length > most) tail.lastElementChild.remove();
    document.getElementById("tail-none").hidden = true;
  };
  if (tail) {
    const state = document.getElementById("tail-state");
    const source = new EventSource(tail.dataset.tail);
    source.onopen = () => { state.textContent = "live"; };
    source.onerror = () => { state.textContent = "not connected; trying again"; };
    source.addEventListener("message", (event) => first(row(JSON.parse(event.data))));
    source.addEventListener("missed", (event) => {
      const li = document.createElement("li");
      made("p", event.data + " came too fast to be shown", li, "muted");
      first(li);
    });
  }
})();
