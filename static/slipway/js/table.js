// Tables with data-rows: j/k or arrows move, Enter opens the row's first link (or the one with data-row-link).
(() => {
  const rows = (table) => [...table.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  const busy = (target) => target.matches?.("input, textarea, select, [contenteditable]") || target.shadowRoot || document.querySelector("dialog[open]");

  const choose = (table, row) => {
    rows(table).forEach((one) => {
      one.removeAttribute("aria-selected");
      one.tabIndex = one === row ? 0 : -1;
    });
    row.setAttribute("aria-selected", "true");
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || busy(event.target)) return;
    const table = event.target.closest?.("table[data-rows]") ?? (["j", "k"].includes(event.key) ? document.querySelector("table[data-rows]") : null);
    if (!table) return;
    const all = rows(table);
    const present = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
    if (event.key === "Enter" && event.target.matches("tr")) {
      (event.target.querySelector("[data-row-link]") ?? event.target.querySelector("a[href]"))?.click();
      return;
    }
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step || !all.length) return;
    event.preventDefault();
    choose(table, all[Math.min(Math.max(present + step, 0), all.length - 1)]);
  });
})();
