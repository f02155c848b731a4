// Hastens only: nothing exists only here. Counts refresh, drafts save themselves, phrases go in without a trip.
"use strict";

const counts = document.querySelectorAll("[data-count]");
if (counts.length && window.EventSource) addEventListener("load", () => {
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    const now = JSON.parse(message.data);
    counts.forEach((place) => {
      if (place.dataset.count in now) place.textContent = now[place.dataset.count];
    });
  };
  addEventListener("pagehide", () => source.close());
});

document.querySelectorAll("form[data-draft]").forEach((form) => {
  const typed = () => {
    const data = new FormData(form);
    for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
    return new URLSearchParams(data).toString();
  };
  let saved = typed();
  const save = () => {
    const now = typed();
    if (now === saved) return;
    saved = now;
    fetch(form.dataset.draft, { method: "POST", body: new URLSearchParams(now), keepalive: true }).catch(() => { saved = ""; });
  };
  const timer = setInterval(save, 5000);
  form.addEventListener("submit", () => clearInterval(timer));
  addEventListener("pagehide", save);
  form.querySelectorAll("[data-phrase]").forEach((button) => button.addEventListener("click", (event) => {
    const field = form.querySelector("textarea[name=opinion]");
    event.preventDefault();
    field.value += button.dataset.phrase;
    field.focus();
  }));
});
