"use strict";
// Fills the page from its data. Text is set by textContent only, so that no data are ever read as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { topics, words, documents, groups } = data;
  const state = { topic: 0, lambda: 0.6, word: null, document: null, measure: "share" };
  const $ = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en");
  const whole = (value) => number.format(Math.round(value));
  const counted = (count, what) => `${whole(count)} ${what}${Math.round(count) === 1 ? "" : "s"}`;
  const isNarrow = matchMedia("(max-width: 760px)");  // as in page.css: the list no longer stands beside the panels
  const percent = (part, digits = 1) => `${(100 * (part ?? 0)).toFixed(digits)}%`;

  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") made.className = value;
      else if (name.startsWith("aria-")) made.setAttribute(name, value);
      else made[name] = value;
    }
    made.append(...children);
    return made;
  }

  // --- words and documents ---------------------------------------------------------------------------------------------

  // lambda log phi + (1 - lambda) log lift (Sievert and Shirley, 2014); of equal scores the likelier word comes first.
  function ranked(topic, lambda, most) {
    const { word, phi, lift } = topics[topic].words;
    const rows = word.map((w, i) => ({ w, phi: phi[i],
      score: lambda * Math.log(phi[i]) + (1 - lambda) * Math.log(lift[i]) }));
    rows.sort((a, b) => b.score - a.score || b.phi - a.phi || a.w - b.w);
    return rows.slice(0, most);
  }

  const memory = topics.map(() => null);
  const topWords = (topic) => (memory[topic] ??= ranked(topic, 0.6, 12).map((row) => words.name[row.w]));

  const row = (d) => (documents.row === null ? d : documents.row[d]);
  const documentName = (d) => documents.name?.[d] || `Document ${number.format(row(d) + 1)}`;

  function pairs(flat) {
    const found = [];
    for (let i = 0; i < flat.length; i += 2) found.push({ topic: flat[i], part: flat[i + 1] / 100 });
    return found;
  }

  // "12 lord god altar 45%" for each of some topics, as buttons. A name may run from right to left: it stands for itself.
  function chips(parts) {
    return parts.flatMap(({ topic, part }, i) => {
      const label = [`${topic + 1} `, element("bdi", {}, topics[topic].name), part === null ? "" : ` ${percent(part, 0)}`];
      const chip = element("button", { type: "button", class: "chip", onclick: () => visit(topic) }, ...label);
      return i ? [" · ", chip] : [chip];
    });
  }

  // --- the list, the topic ---------------------------------------------------------------------------------------------

  function fillList() {
    const largest = Math.max(...topics.map((topic) => topic.share)) || 1;
    $("topics").append(...topics.map((topic, t) => {
      const bar = element("i");
      bar.style.width = percent(topic.share / largest);
      const button = element("button", { type: "button", onclick: () => (isNarrow.matches ? visit : choose)(t) },
        element("span", { class: "number" }, String(t + 1)), element("span", { class: "name", dir: "auto" }, topic.name),
        element("span", { class: "share" }, percent(topic.share)),
        element("span", { class: "more", dir: "auto" }, topWords(t).filter((word) => !topic.name.split(" ").includes(word)).slice(0, 6).join(", ")),
        element("span", { class: "meter", "aria-hidden": "true" }, bar));
      return element("li", {}, button);
    }));
    $("topics").addEventListener("keydown", (event) => {
      const places = { ArrowDown: state.topic + 1, ArrowUp: state.topic - 1, Home: 0, End: topics.length - 1 };
      if (!(event.key in places)) return;
      event.preventDefault();
      choose(places[event.key]);
      buttonOf(state.topic).focus();
    });
  }

  const buttonOf = (topic) => $("topics").children[topic].firstElementChild;

  function choose(topic) {
    if (topic < 0 || topic >= topics.length) return;
    buttonOf(state.topic).removeAttribute("aria-current");
    state.topic = topic;
    const button = buttonOf(topic);
    button.setAttribute("aria-current", "true");
    const list = $("topics"), top = button.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + button.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - 60;
    fillTopic();
    Charts.choose(topic);
  }

  // Where the panels stand below one another, what was chosen in one comes into sight.
  function visit(topic) {
    choose(topic);
    const { top } = $("topic").getBoundingClientRect();
    if (top < 0 || top > 0.7 * innerHeight) $("topic").scrollIntoView({ block: "start" });
  }

  function fillTopic() {
    const topic = topics[state.topic];
    $("topic-title").textContent = `${state.topic + 1}. ${topic.name}`;
    $("near").replaceChildren(...(topic.near.length
      ? [`Nearest to topic ${state.topic + 1}: `, ...chips(topic.near.map((t) => ({ topic: t, part: null })))]
      : [`No topic shares words with topic ${state.topic + 1}.`]));
    $("topic-facts").textContent = `${percent(topic.share, 2)} of all tokens; component ${topic.component} of the model` +
      (topic.words.word.length ? "" : ". It has no words.");
    $("previous").disabled = state.topic === 0;
    $("next").disabled = state.topic === topics.length - 1;
    fillWords();
    fillDocuments();
    fillGroups();
  }

  function fillWords() {
    const topic = topics[state.topic];
    const best = ranked(state.topic, state.lambda, data.shown);
    const tokens = topic.share * data.tokens;
    $("lambda-value").textContent = state.lambda.toFixed(1);
    $("words").replaceChildren(...best.map(({ w, phi }) =>
      element("li", {}, `${words.name[w]}: ${whole(phi * tokens)} of ${whole(words.count[w])}`)));
    Charts.bars(best.map(({ w, phi }, rank) => ({ rank, word: words.name[w], inside: phi * tokens,
      all: Math.max(words.count[w], phi * tokens), lit: w === state.word, w })), (w) => light(w === state.word ? null : w));
  }

  // A text with the topic's words marked.
  function marked(text, best) {
    return text.split(/([\p{L}\p{N}'’-]+)/u).map((piece, i) =>
      (i % 2 && best.has(piece.toLowerCase()) ? element("mark", {}, piece) : piece));
  }

  function documentItem(d, part, best) {
    const facts = part === null ? [] : [`${percent(part, 0)} of its ${counted(documents.tokens[d], "token")}`];
    const others = pairs(documents.topics[d]).filter(({ topic }) => topic !== state.topic);
    const line = element("p", { class: "tops" }, ...facts);
    if (part === null) line.append(`${counted(documents.tokens[d], "token")}: `, ...chips(pairs(documents.topics[d])));
    else if (others.length) line.append("; also ", ...chips(others));
    const item = element("li", {}, element("p", { class: "title", dir: "auto" }, documentName(d)), line);
    const text = documents.text[d];
    if (text) item.append(element("p", { class: "text", dir: "auto" }, ...marked(text, best)));
    else if (documents.bag[d]) item.append(element("p", { class: "text bag", dir: "auto" }, ...marked(documents.bag[d], best)));
    return item;
  }

  function fillDocuments() {
    const { document: ids, part } = topics[state.topic].documents;
    const best = new Set(ranked(state.topic, 0.6, 30).map(({ w }) => words.name[w].toLowerCase()));
    const items = ids.map((d, i) => documentItem(d, part[i], best));
    const asked = state.document;
    if (asked !== null) {
      const place = ids.indexOf(asked);
      const item = place < 0 ? documentItem(asked, null, best) : items.splice(place, 1)[0];
      item.className = "asked";
      items.unshift(item);
    }
    if (!items.length) items.push(element("li", {}, "No document has this topic."));
    $("documents-title").textContent = `Documents of topic ${state.topic + 1}`;
    $("documents").replaceChildren(...items);
  }

  // --- groups, fit, how it was made ------------------------------------------------------------------------------------

  function fillGroups() {
    if (!groups) return;
    const share = state.measure === "share";
    const values = groups[state.measure][state.topic];
    const rows = groups.name.map((name, place) => ({ place, name, number: Number(name), value: values[place] ?? 0,
      documents: groups.documents[place] }));
    $("groups-panel").hidden = false;
    const isTime = groups.kind === "date" || (groups.kind === "number" && groups.name.every((name) => /^[12]\d{3}$/.test(name)));
    $("groups-title").textContent = `Topic ${state.topic + 1} ${isTime ? "over time" : "by group"}`;
    const parts = [share ? "The topic's share of each group's tokens; the dashed line is its share of all."
      : "The topic's tokens in each group."];
    if (groups.missing) parts.push(`${counted(groups.missing, "document")} without a group ${groups.missing === 1 ? "is" : "are"} left out.`);
    $("groups-note").textContent = parts.join(" ");
    Charts.groups(rows, groups.kind, share ? ".1~%" : ".3~s", share ? topics[state.topic].share : null);
  }

  function setMeasure(measure) {
    state.measure = measure;
    $("by-share").setAttribute("aria-pressed", String(measure === "share"));
    $("by-tokens").setAttribute("aria-pressed", String(measure === "tokens"));
    fillGroups();
  }

  function fillHistory() {
    const past = data.history;
    if (!past) return;
    const rows = past.iteration.map((iteration, i) => ({ iteration, objective: past.objective[i],
      seconds: past.seconds ? past.seconds[i] : null }));
    $("history-panel").hidden = false;
    const last = rows[rows.length - 1];
    $("history-note").textContent = `The objective at each iteration; ${number.format(last.objective)} at the end` +
      (last.seconds === null ? "." : `, after ${last.seconds.toFixed(1)}\u00a0s.`);
    Charts.history(rows);
  }

  function fillMade() {
    $("made").append(...data.made.map(({ title, rows }) => {
      const body = element("tbody", {}, ...rows.map(([name, value]) => {
        const head = element("th", { scope: "row" }, name);
        return element("tr", {}, head, element("td", {}, value));
      }));
      return element("div", {}, element("h3", {}, title), element("table", {}, body));
    }));
  }

  // --- the map ---------------------------------------------------------------------------------------------------------

  function fillMap() {
    const parts = state.word === null ? null : new Map(pairs(words.topics[state.word]).map(({ topic, part }) => [topic, part]));
    const rows = topics.map((topic, t) => ({ topic: t, number: t + 1, name: topic.name, share: topic.share,
      x: topic.point[0], y: topic.point[1], part: parts ? parts.get(t) ?? 0 : null }));
    Charts.map(rows, state.topic, visit);
    const note = $("word-chosen");
    note.hidden = state.word === null;
    if (state.word !== null) {
      note.replaceChildren(`Topics of “${words.name[state.word]}” `,
        element("button", { type: "button", onclick: () => light(null) }, "Clear"));
    }
  }

  function light(word) {
    state.word = word;
    fillMap();
    fillWords();
  }

  // --- search ----------------------------------------------------------------------------------------------------------

  // Places of the names that hold the query: first those that equal it, then those that begin with it, then the rest.
  function matches(names, query, most) {
    const classes = [[], [], []];
    let count = 0;
    for (let i = 0; i < names.length; i += 1) {
      const at = names[i].indexOf(query);
      if (at < 0) continue;
      count += 1;
      const kind = at > 0 ? 2 : names[i].length > query.length ? 1 : 0;
      if (classes[kind].length < most) classes[kind].push(i);
    }
    return { count, places: classes.flat().slice(0, most) };
  }

  const lower = {
    words: words.name.map((name) => name.toLowerCase()),
    documents: documents.topics.map((_, d) => documentName(d).toLowerCase()),
    texts: Object.entries({ ...documents.text, ...documents.bag }).map(([d, text]) => ({ d: Number(d), text: text.toLowerCase() })),
    topics: topics.map((topic, t) => `${t + 1} ${topic.name}`.toLowerCase()),
  };

  function hit(name, flat, onclick, text) {
    const tops = pairs(flat).map(({ topic, part }) => `${topic + 1} ${topics[topic].name} ${percent(part, 0)}`);
    const button = element("button", { type: "button", class: "hit", onclick: () => { onclick(); closeSearch(); } },
      element("span", { dir: "auto" }, name), element("span", { class: "tops" }, tops.join(" · ")));
    if (text) button.append(element("span", { class: "text", dir: "auto" }, text));
    return element("li", {}, button);
  }

  function around(d, query) {
    const text = documents.text[d] ?? documents.bag[d] ?? "";
    const at = text.toLowerCase().indexOf(query);
    const start = at < 0 ? 0 : Math.max(0, at - 40), end = at < 0 ? 90 : at + query.length + 60;
    const whole = text.slice(start, end).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");  // no half characters
    return (start > 0 ? "…" : "") + whole + (end < text.length ? "…" : "");
  }

  function showDocument(d) {
    state.document = d;
    choose(documents.topics[d][0] ?? state.topic);
    $("documents-title").scrollIntoView({ block: "start" });
  }

  function showWord(w) {
    state.word = w;
    visit(words.topics[w][0] ?? state.topic);
    fillMap();
  }

  function search() {
    const query = $("query").value.trim().toLowerCase();
    $("found").hidden = query === "";
    if (query === "") return;
    const byWord = matches(lower.words, query, 8);
    const byTopic = matches(lower.topics, query, 5);
    const byName = matches(lower.documents, query, 8);
    const named = new Set(byName.places);
    const inText = lower.texts.filter(({ d, text }) => !named.has(d) && text.includes(query)).map(({ d }) => d);
    const ids = [...byName.places, ...inText].slice(0, 8);
    const lists = [
      ["Words", byWord.places.map((w) => hit(words.name[w], words.topics[w], () => showWord(w)))],
      ["Topics", byTopic.places.map((t) => hit(`${t + 1}. ${topics[t].name}`, [], () => visit(t)))],
      ["Documents", ids.map((d) => hit(documentName(d), documents.topics[d], () => showDocument(d), around(d, query)))],
    ];
    $("found-list").replaceChildren(...lists.filter(([, items]) => items.length).flatMap(([title, items]) =>
      [element("h3", {}, title), element("ol", {}, ...items)]));
    const count = [[byWord.count, "word"], [byTopic.count, "topic"], [byName.count + inText.length, "document"]]
      .map(([found, what]) => counted(found, what)).join(", ");
    const scope = words.name.length < data.features || documents.topics.length < documents.total
      ? ` (of the ${whole(words.name.length)} words and ${whole(documents.topics.length)} documents that this page holds)` : "";
    $("found-count").textContent = count + scope;
  }

  function closeSearch() {
    $("found").hidden = true;
  }

  function listenToSearch() {
    const box = document.querySelector(".search");
    const hits = () => [...document.querySelectorAll("#found .hit")];
    $("query").addEventListener("input", search);
    $("query").addEventListener("focus", search);
    box.addEventListener("keydown", (event) => {
      const all = hits(), at = all.indexOf(document.activeElement);
      if (event.key === "Escape") { closeSearch(); $("query").focus(); closeSearch(); }
      else if (event.key === "Enter" && document.activeElement === $("query")) all[0]?.click();
      else if (event.key === "ArrowDown") { event.preventDefault(); all[Math.min(at + 1, all.length - 1)]?.focus(); }
      else if (event.key === "ArrowUp") { event.preventDefault(); (at > 0 ? all[at - 1] : $("query")).focus(); }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target === $("query")) return;
      event.preventDefault();
      $("query").focus();
    });
    document.addEventListener("pointerdown", (event) => { if (!box.contains(event.target)) closeSearch(); });
    box.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !box.contains(event.relatedTarget)) closeSearch();
    });
  }

  // --- start -----------------------------------------------------------------------------------------------------------

  function listen() {
    const slider = $("lambda"), places = data.lambdas;
    Object.assign(slider, { min: places[0], max: places[places.length - 1], step: places[1] - places[0], value: state.lambda });
    $("lambda-places").append(...places.map((place) => element("option", { value: String(place) })));
    slider.addEventListener("input", () => { state.lambda = Number(slider.value); fillWords(); });
    $("previous").addEventListener("click", () => choose(state.topic - 1));
    $("next").addEventListener("click", () => choose(state.topic + 1));
    $("by-share").addEventListener("click", () => setMeasure("share"));
    $("by-tokens").addEventListener("click", () => setMeasure("tokens"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      fillMap(); fillWords(); fillGroups(); fillHistory();
    });
    listenToSearch();
  }

  function start() {
    const size = `${counted(topics.length, "topic")} in ${counted(documents.total, "document")}`;
    $("title").textContent = data.heading ?? size;
    document.title = data.heading ? `${data.heading}: ${size}` : size;
    $("summary").textContent = `${data.heading ? `${size}; ` : ""}${counted(data.features, "word")}, ` +
      `${counted(data.tokens, "token")}. A topic's size is its share of all tokens.`;
    $("map-note").textContent = `Near topics have alike words (${data.map.metric === "hellinger" ? "Hellinger" : "Jensen-Shannon"} ` +
      `distance; the plane's distances differ from it by ${percent(data.map.stress, 0)}). A circle's area is the topic's share.`;
    fillList();
    listen();
    fillMap();
    fillHistory();
    fillMade();
    choose(0);
  }

  start();
})();
