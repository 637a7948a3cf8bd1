// Dangerous actions ask first. On the submit button (or its form): data-confirm="Roll back web on production?",
// data-confirm-text (what will happen), data-confirm-verb, data-confirm-name (production: type it), data-confirm-danger.
(() => {
  const dialog = document.getElementById("confirm");
  if (!dialog) return;
  const field = dialog.querySelector("[data-confirm-field]");
  const input = field.querySelector("input");
  const go = dialog.querySelector("[data-confirm-go]");
  let pending = null;

  // Listens before forms.js (capture), so that a form that still asks is not marked as being sent.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const asker = event.submitter?.closest("[data-confirm]") ?? (form.matches("[data-confirm]") ? form : null);
    if (!asker) return;
    if (pending?.form === form && pending.agreed) {
      pending = null;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const { confirm: title, confirmText = "", confirmVerb, confirmName = "" } = asker.dataset;
    pending = { form, submitter: event.submitter, agreed: false };
    dialog.querySelector("h2").textContent = title;
    dialog.querySelector("#confirm-text").textContent = confirmText;
    dialog.querySelector("[data-confirm-expected]").textContent = confirmName;
    go.textContent = confirmVerb ?? event.submitter?.textContent.trim();
    go.classList.toggle("button-danger", asker.hasAttribute("data-confirm-danger"));
    field.hidden = !confirmName;
    input.value = "";
    go.disabled = Boolean(confirmName);
    dialog.returnValue = "";
    dialog.showModal();
    (confirmName ? input : go).focus();
  }, true);

  input.addEventListener("input", () => { go.disabled = input.value.trim() !== dialog.querySelector("[data-confirm-expected]").textContent; });
  // Enter in the field would press the first button of the dialog, which is the way back.
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!go.disabled) go.click();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "confirm" || !pending) {
      pending = null;
      return;
    }
    pending.agreed = true;
    if (!field.hidden) {
      // The server checks the name again: this dialog is a help, not the guard.
      const typed = pending.form.querySelector('input[name="confirm_name"]') ?? document.createElement("input");
      typed.type = "hidden";
      typed.name = "confirm_name";
      typed.value = input.value.trim();
      pending.form.append(typed);
    }
    pending.form.requestSubmit(pending.submitter ?? undefined);
  });
})();
