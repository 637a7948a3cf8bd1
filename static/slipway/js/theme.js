// Applies the chosen theme before the first paint and remembers a new choice. The system's setting is the default.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem("slipway-theme"); } catch { return null; }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  if (stored()) apply(stored());

  const mark = () => {
    const present = root.dataset.theme || "system";
    document.querySelectorAll("[data-theme-value]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeValue === present));
    });
  };
  document.addEventListener("DOMContentLoaded", mark);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-value]");
    if (!button) return;
    const theme = button.dataset.themeValue;
    try { localStorage.setItem("slipway-theme", theme); } catch { /* private windows may refuse; the choice lasts for this page */ }
    apply(theme);
    mark();
    const url = button.closest("[data-theme-choice]")?.dataset.url;
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (url && token) {
      // Keeps the choice for this person's other browsers; this one has it already, so a failure needs no words.
      fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body: new URLSearchParams({ theme }) }).catch(() => {});
    }
  });
})();
