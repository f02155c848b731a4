// Read off one page in one go; `raw` is what the server sent.
(raw) => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const shown = (el) => el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length > 0;
  const words = (el) => (el.innerText ?? el.textContent).replace(/\s+/g, " ").trim();
  const bare = new DOMParser().parseFromString(raw, "text/html");
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, el = node.parentElement;
    if (!node.data.trim() || el.closest("script,style,textarea")) continue;
    texts.push({ t: node.data, time: !!el.closest("time"), option: !!el.closest("option"), say: !!el.closest(".say,del,ins"),
      block: el.closest("tr,li,dd,p,label,h1,h2,header,div")?.textContent ?? "" });
  }
  const controls = all("input:not([type=hidden]),select,textarea").map((el) => ({
    name: el.name, labels: [...el.labels].map((l) => words(l) || l.textContent.trim()).filter(Boolean).length,
    invalid: el.getAttribute("aria-invalid"), about: (el.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)
      .map((id) => document.getElementById(id)?.textContent.trim() ?? null) }));
  const focusable = all("a[href],button,input:not([type=hidden]),select,textarea,summary,[tabindex]").filter(shown);
  const targets = focusable.filter((el) => el.tabIndex >= 0).map((el) => {
    const box = (el.closest("label.choice,label.check,.seg label") ?? el).getBoundingClientRect();
    return { tag: el.tagName.toLowerCase(), cls: el.className, words: words(el).slice(0, 30), w: Math.round(box.width), h: Math.round(box.height) };
  });
  const lists = (el) => {
    const card = el.closest(".card,section,main");
    return { words: words(el), rows: ["tbody tr:not(.grp)", "li", ".tile", ".ind", "dl > div", "thead th.r"].map((s) => all(s, card).length) };
  };
  // An element without its words: what axe judges.
  const kind = (el) => `${el.tagName}.${[...el.classList].sort().join(".")}[${[...el.attributes].map((a) =>
    ["type", "role", "tabindex", "autocomplete", "scope"].includes(a.name) || a.name.startsWith("aria-") && a.value.length < 8 ? `${a.name}=${a.value}` : a.name).sort()}]`;
  const kinds = [...new Set(all("body *").filter(shown).map(kind))];
  const ids = all("[id]").map((el) => el.id);
  const rect = (selector) => { const el = document.querySelector(selector); return el && shown(el) ? el.getBoundingClientRect().top + scrollY : null; };
  return {
    kinds, doubled: ids.filter((id, n) => ids.indexOf(id) !== n), title: document.title, lang: document.documentElement.lang, h1: all("h1").map(words),
    heads: all("h1,h2,h3,h4").filter(shown).map((h) => [+h.tagName[1], words(h)]),
    marks: ["body > header", "body > main", "body > footer"].map((s) => all(s).length),
    navs: all("nav,[role=navigation],aside").filter(shown).map((n) => n.getAttribute("aria-label") ?? ""),
    wide: document.documentElement.scrollWidth,
    sideways: all("main *").filter((el) => el.scrollWidth > el.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(el).overflowX)).map((el) => el.className),
    cut: all("main *").filter((el) => shown(el) && getComputedStyle(el).overflowX === "hidden" && el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 1).map((el) => el.className),
    asked: performance.getEntriesByType("resource").map((r) => r.name), texts, attrs: all("[aria-label],[placeholder],[alt],[title]").flatMap((el) => ["aria-label", "placeholder", "alt", "title"].map((a) => el.getAttribute(a)).filter(Boolean)),
    controls, targets, classes: [...new Set(all("[class]").flatMap((el) => [...el.classList]))],
    inline: all("*").filter((el) => el.hasAttribute("style") || el.tagName === "STYLE" || (el.tagName === "SCRIPT" && !el.src) || [...el.attributes].some((a) => a.name.startsWith("on"))).map((el) => el.outerHTML.slice(0, 80)),
    forms: all("form[method=post]").map((f) => ({ action: f.getAttribute("action"), fields: all("input[type=hidden]", f).map((i) => i.name) })),
    disabled: all("[disabled]").length, same: document.querySelector("main").innerHTML === bare.querySelector("main").innerHTML,
    times: all("time").map((el) => [el.getAttribute("datetime"), words(el)]), money: all("td .money, .eq .money").map(words),
    counts: all(".card > header > .muted").map(lists), links: all("a[href]").map((a) => [a.getAttribute("href"), words(a) || a.textContent.trim()]),
    people: all(".person").map((p) => [p.firstChild.textContent.trim(), p.querySelector("small")?.textContent.trim() ?? ""]),
    first: document.querySelector("main").firstElementChild?.className ?? "", focused: document.activeElement?.className ?? "",
    problems: all(".problem li").map((li) => ({ words: words(li), at: li.querySelector("a")?.getAttribute("href")?.slice(1) ?? "" })).map((p) => ({ ...p, lands: !p.at || !!document.getElementById(p.at) })),
    messages: all(".msg").map(words), values: all("input:not([type=hidden]),textarea,select").map((el) => el.value),
    primary: all(".btn.primary").filter(shown).map(words), glance: rect(".glance"), act: rect(".act > header"), tab: all("[tabindex]").filter((el) => el.tabIndex > 0).length,
  };
}
