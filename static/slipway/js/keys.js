// Keys from anywhere: `/` and Ctrl-K search, `g` and a letter go (from data-key on links), `?` lists them.
(() => {
  const WAIT = 1200;
  let prefix = "";
  let timer = 0;

  const typing = (target) => target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, .cm-content") || Boolean(target.shadowRoot);
  const dialogOpen = () => document.querySelector("dialog[open]") !== null;

  const list = document.querySelector("[data-keys]");
  document.querySelectorAll("a[data-key]").forEach((link) => {
    if (!list) return;
    const label = document.createElement("dt");
    const keys = document.createElement("dd");
    label.textContent = link.textContent.trim();
    link.dataset.key.split(" ").forEach((key) => {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      keys.append(cap);
    });
    list.append(label, keys);
  });

  const showKeys = () => document.getElementById("keys")?.showModal();
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-open]")) showKeys();
  });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      document.dispatchEvent(new CustomEvent("slipway:palette"));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialogOpen()) return;
    if (prefix) {
      const link = document.querySelector(`a[data-key="${CSS.escape(prefix)} ${CSS.escape(event.key)}"]`);
      prefix = "";
      clearTimeout(timer);
      if (link) {
        event.preventDefault();
        link.click();
        return;
      }
    }
    if (event.key === "/") {
      event.preventDefault();
      document.dispatchEvent(new CustomEvent("slipway:palette"));
    } else if (event.key === "?") {
      showKeys();
    } else if (event.key === "g") {
      prefix = "g";
      timer = setTimeout(() => { prefix = ""; }, WAIT);
    }
  });
})();
