// What is typed into a form with data-draft="key" outlives a lost session or a crashed tab: it is offered again.
// Passwords and anything marked data-secret are never stored.
(() => {
  const DEBOUNCE = 400;
  const name = (form) => `slipway-draft:${location.pathname}:${form.dataset.draft}`;
  const kept = (form) => [...form.elements].filter((field) => field.name && !field.matches('[type=password], [type=file], [type=hidden], [data-secret], button'));
  const read = (form) => JSON.stringify(kept(form).map((field) => [field.name, field.matches("[type=checkbox], [type=radio]") ? [field.value, field.checked] : field.value]));
  const write = (form, stored) => {
    const values = JSON.parse(stored);
    kept(form).forEach((field, index) => {
      const [fieldName, value] = values[index] ?? [];
      if (fieldName !== field.name) return;
      if (Array.isArray(value)) [, field.checked] = value;
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
  };

  slipway.enhance("form[data-draft]", (form) => {
    const before = read(form);
    const stored = sessionStorage.getItem(name(form));
    const offer = form.querySelector("[data-draft-offer]");
    if (stored && stored !== before && offer) offer.hidden = false;
    else sessionStorage.removeItem(name(form));
    offer?.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.matches("[data-draft-restore]")) write(form, stored);
      sessionStorage.removeItem(name(form));
      offer.hidden = true;
    });
    let timer = 0;
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => sessionStorage.setItem(name(form), read(form)), DEBOUNCE);
    });
    form.addEventListener("submit", () => {
      clearTimeout(timer);
      sessionStorage.setItem(name(form), read(form));
      sessionStorage.setItem("slipway-draft-sent", name(form));
    });
  });

  // A page that is neither the form again nor the way back in means that what was sent has been taken.
  const sent = sessionStorage.getItem("slipway-draft-sent");
  if (sent && !document.querySelector("[data-login], form[data-draft]")) {
    sessionStorage.removeItem(sent);
    sessionStorage.removeItem("slipway-draft-sent");
  }
})();
