// Forms: a click shows at once that it was heard, is sent once, and unsaved changes are not lost by leaving.
(() => {
  const guarded = new Map();
  const snapshot = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken").map(([name, value]) => [name, String(value)]));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    if (form.method !== "post") return;
    form.dataset.sending = "1";
    guarded.delete(form);
    event.submitter?.setAttribute("aria-busy", "true");
    // Disabling waits a turn: a disabled submitter would not be part of what is sent.
    setTimeout(() => form.querySelectorAll("button:not([type=button])").forEach((button) => { button.disabled = true; }));
  });

  const rest = (form) => {
    delete form.dataset.sending;
    form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
    form.querySelectorAll("button:not([type=button])").forEach((button) => { button.disabled = false; });
  };
  // A page that comes back from the history cache would still be busy.
  addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("form[data-sending]").forEach(rest); });

  slipway.enhance("form[data-guard]", (form) => guarded.set(form, snapshot(form)));
  const unsaved = () => [...guarded].some(([form, before]) => form.isConnected && snapshot(form) !== before);
  addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });

  // `data-submit-on-change` is for filters: choosing is asking.
  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());
  // `data-remove` takes its row out of the form, `data-add` adds a copy of a <template> (`__prefix__` becomes a number).
  document.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-remove]");
    if (remove) {
      const row = remove.closest(remove.dataset.remove);
      const form = row.closest("form");
      row.remove();
      form?.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const add = event.target.closest("[data-add]");
    if (add) {
      const template = document.getElementById(add.dataset.add);
      const total = add.dataset.total && document.getElementById(add.dataset.total);
      const number = total ? Number(total.value) : Date.now();
      const holder = document.createElement("template");
      holder.innerHTML = template.innerHTML.replaceAll("__prefix__", String(number));
      if (total) total.value = String(number + 1);
      const made = holder.content.firstElementChild;
      template.before(holder.content);
      slipway.arrived(made);
      made.querySelector("input, select, textarea")?.focus();
    }
  });
})();
