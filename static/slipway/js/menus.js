// Menus are <details>: they work without script. This closes them on a click elsewhere and on Escape, and moves by arrows.
(() => {
  const open = () => document.querySelectorAll("details[data-menu][open]");

  document.addEventListener("click", (event) => {
    open().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details[data-menu]");
    if (event.key === "Escape") {
      open().forEach((one) => {
        one.open = false;
        if (one === menu) one.querySelector("summary").focus();
      });
      return;
    }
    if (!menu?.open || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const items = [...menu.querySelectorAll("summary, .menu-panel a, .menu-panel button")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
  });
})();
