// The grid: a filter that works while it is typed, and keys.
(() => {
  // A filter is part of the address: the page that is fetched for it, now and later, is filtered.
  const form = document.querySelector("form.filter");
  let typed;
  const filter = async () => {
    const query = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...query]) if (!value.trim()) query.delete(name);
    history.replaceState(null, "", "/?" + query);
    try {
      await farm.refresh();
    } catch (error) {
      document.getElementById("away").hidden = false;
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
})();
