// Keeps the page up to date while somebody looks at it. Without this script the page is complete, and stands still.
"use strict";
const farm = (() => {
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
    // Whoever shows more than elements that are swapped, a log, says whether it is still the same.
    const same = new CustomEvent("fresh", { detail: page, cancelable: true });
    if (!document.dispatchEvent(same)) return location.reload();
    main.dataset.every = next.dataset.every;
    swap(page);
    tell();
  };

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

  // On a narrow screen the sections scroll: the one that is open is in sight.
  const ways = document.querySelector(".top .ways");
  const here = ways.querySelector("[aria-current]");
  if (here) ways.scrollLeft += here.getBoundingClientRect().right - ways.getBoundingClientRect().right;

  for (const live of document.querySelectorAll("[data-live]")) sources.set(live.id, live.innerHTML);
  tell();
  setInterval(() => { if (!document.hidden) tell(); }, 1000);
  if (every) loop(() => Number(main.dataset.every || every), refresh);
  return { fetched, loop, refresh };
})();
