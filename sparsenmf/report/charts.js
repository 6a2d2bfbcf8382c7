"use strict";
// The charts, as Vega-Lite specifications. Their data are rows of the page's own making; field names are fixed, and no
// string of the user's is ever part of an expression.
const Charts = (() => {
  const views = new Map();
  const turns = new Map();  // how often each chart has been asked for

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  }

  function config() {
    const colour = colours();
    const font = getComputedStyle(document.body).fontFamily;
    const text = { labelColor: colour("soft"), titleColor: colour("soft"), labelFont: font, titleFont: font,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
    return {
      background: "transparent", font,
      view: { stroke: "transparent" },
      axis: { ...text, domain: false, ticks: false, gridColor: colour("faint"), labelPadding: 6 },
      legend: text,
    };
  }

  function drop(id) {
    views.get(id)?.finalize();
    views.delete(id);
    turns.set(id, (turns.get(id) ?? 0) + 1);
    return turns.get(id);
  }

  function erase(id) {
    drop(id);
    document.getElementById(id).replaceChildren();
  }

  // Draws a chart anew, or into the place of the last one with the same id.
  async function draw(id, spec) {
    const turn = drop(id);
    const result = await vegaEmbed(`#${id}`, { ...spec, autosize: { type: "fit-x", contains: "padding" } },
      // ast: expressions are interpreted, so that the page's policy need not allow code that is made of strings.
      { actions: false, ast: true, renderer: "svg", config: config(), tooltip: { theme: "custom" } });
    if (turns.get(id) === turn) views.set(id, result);
    else result.finalize();  // another was asked for while this one was drawn
    return result.view;
  }

  // rows: { topic, number, name, share, x, y, part }; part is a chosen word's share, or null.
  async function map(rows, chosen, onClick) {
    const colour = colours();
    const largest = Math.max(1e-9, ...rows.map((row) => row.share));
    // All circles' squares together cover a seventh of the map, and no circle goes beyond its edge.
    const side = Math.min(640, Math.max(280, document.getElementById("map").clientWidth));
    const area = 0.14 * side * side;
    const needed = ({ x, y, share }) => Math.max(Math.abs(x), Math.abs(y)) / (1 - (Math.sqrt(area * share) + 6) / side);
    const reach = Math.max(1e-3, ...rows.map(needed));
    const axis = { type: "quantitative", axis: null, scale: { domain: [-reach, reach], nice: false } };
    const labelled = `datum.share * ${area} > 260 || datum.topic === chosen`;
    const isChosen = "datum.topic === chosen";
    const place = { x: { field: "x", ...axis }, y: { field: "y", ...axis } };
    const view = await draw("map", {
      data: { values: rows }, width: "container", height: side,
      description: "Map of the topics: near circles have alike words, and a circle's area is the topic's share. " +
        "The list of topics holds the same topics in the order of their size.",
      params: [{ name: "chosen", value: chosen }],
      layer: [
        { mark: { type: "rule", color: colour("faint") }, data: { values: [{}] }, encoding: { x: { datum: 0, ...axis } } },
        { mark: { type: "rule", color: colour("faint") }, data: { values: [{}] }, encoding: { y: { datum: 0, ...axis } } },
        { mark: { type: "circle", cursor: "pointer", opacity: 1, strokeWidth: 1.5 },
          encoding: { ...place,
            size: { field: "share", type: "quantitative", legend: null, scale: { domain: [0, largest], range: [8, area * largest] } },
            order: { field: "share", sort: "descending" },
            fill: { condition: [{ test: "datum.part > 0", value: colour("lit") }, { test: isChosen, value: colour("accent") }],
              value: colour("accent") },
            fillOpacity: { condition: [{ test: "datum.part !== null", field: "part", type: "quantitative",
              scale: { domain: [0, 1], range: [0.05, 0.9] }, legend: null }, { test: isChosen, value: 0.85 }], value: 0.2 },
            stroke: { condition: { test: isChosen, value: colour("ink") }, value: colour("accent") },
            tooltip: [{ field: "number", title: "Topic" }, { field: "name", title: "Words" },
              { field: "share", title: "Share", format: ".2%" }] } },
        { mark: { type: "text", fontSize: 11, aria: false }, transform: [{ filter: labelled }],
          encoding: { ...place, text: { field: "number" },
            color: { condition: { test: `datum.part === null ? ${isChosen} : datum.part > 0.5`, value: colour("panel") }, value: colour("ink") } } },
      ],
    });
    view.addEventListener("click", (_, item) => { if (item?.datum?.topic !== undefined) onClick(item.datum.topic); });
  }

  async function choose(topic) {
    await views.get("map")?.view.signal("chosen", topic).runAsync();
  }

  // A label for each row of its own, by characters without width: names that are cut may look alike and would be one bar,
  // and Vega, which takes labels for keys of objects, fails on "constructor" as on "__proto__".
  function labelled(rows, field) {
    const seen = new Map();
    return rows.map((row) => {
      const times = (seen.get(row[field]) ?? 0) + 1;
      seen.set(row[field], times);
      return { ...row, label: row[field] + "\u200b".repeat(times) };
    });
  }

  // rows: { rank, w, word, inside, all, lit }, the best first; a click on a row gives its w.
  async function bars(rows, onClick) {
    if (!rows.length) return erase("bars");
    const colour = colours();
    const y = { field: "label", type: "nominal", sort: { field: "rank", op: "min" }, title: null,
      axis: { labelLimit: 130, labelColor: colour("ink"), labelFontSize: 12.5 } };
    const x = (field) => ({ field, type: "quantitative", title: "tokens", axis: { tickCount: 4, format: ",.6~g" } });
    const tooltip = [{ field: "word", title: "Word" }, { field: "inside", title: "In this topic", format: ",.0f" },
      { field: "all", title: "In all documents", format: ",.6~g" }];
    const view = await draw("bars", {
      data: { values: labelled(rows, "word") }, width: "container", height: 17 * rows.length + 1,
      layer: [
        { mark: { type: "bar", color: colour("bar-all"), clip: true, height: 11 }, encoding: { y, x: x("all"), tooltip } },
        { mark: { type: "bar", clip: true, height: 11 }, encoding: { y, x: x("inside"), tooltip,
          color: { condition: { test: "datum.lit", value: colour("lit") }, value: colour("accent") } } },
        { mark: { type: "bar", opacity: 0, cursor: "pointer", height: 17, aria: false }, encoding: { y, x: { value: 0 }, x2: { value: "width" }, tooltip } },
      ],
    });
    view.addEventListener("click", (_, item) => { if (item?.datum?.w !== undefined) onClick(item.datum.w); });
  }

  // rows: { place, name, value, documents }; kind: date, number or name; mean: a line across, or null.
  function groups(rows, kind, format, mean) {
    const colour = colours();
    const x = { date: { field: "name", type: "temporal", title: null, timeUnit: "utcyearmonthdate",
      axis: { grid: false, format: rows.some((row) => row.name.length > 4) ? "%b %Y" : "%Y", labelOverlap: true }, scale: { type: "utc" } },
    number: { field: "number", type: "quantitative", title: null, axis: { grid: false, format: "~r", tickMinStep: 1 }, scale: { zero: false } },
    name: { field: "label", type: "nominal", sort: { field: "place", op: "min" }, title: null,
      axis: { labelAngle: rows.length > 8 ? -60 : 0, labelLimit: 110, labelOverlap: document.getElementById("groups").clientWidth < 11 * rows.length } } }[kind];
    const y = { field: "value", type: "quantitative", title: null, axis: { format, tickCount: 4 } };
    const tooltip = [{ field: "name", title: "Group" }, { field: "value", title: "Topic", format },
      { field: "documents", title: "Documents", format: "," }];
    const mark = kind === "name" ? { type: "bar", color: colour("accent"), cornerRadiusEnd: 2 }
      : { type: "line", color: colour("accent"), strokeWidth: 2, point: { filled: true, size: 36, color: colour("accent") } };
    const layer = [{ mark, encoding: { x, y, tooltip } }];
    if (mean !== null) {
      layer.push({ mark: { type: "rule", color: colour("lit"), strokeDash: [4, 3] }, data: { values: [{ mean }] },
        encoding: { y: { field: "mean", type: "quantitative" } } });
    }
    return draw("groups", { data: { values: labelled(rows, "name") }, width: "container", height: 220, layer });
  }

  // rows: { iteration, seconds, objective }
  function history(rows) {
    const values = rows.map((row) => row.objective);
    const low = Math.min(...values), high = Math.max(...values), colour = colours()("accent");
    return draw("history", {
      data: { values: rows }, width: "container", height: 240,
      mark: { type: "line", color: colour, strokeWidth: 2, point: rows.length <= 60 && { filled: true, size: 30, color: colour } },
      encoding: {
        x: { field: "iteration", type: "quantitative", title: "iteration", axis: { grid: false, tickMinStep: 1 } },
        y: { field: "objective", type: "quantitative", title: "objective", scale: { zero: false, domain: low < high ? [low, high] : undefined, nice: true },
          axis: { tickCount: 5, format: low > 0 && (high - low) / high < 0.02 ? ".5~s" : ".3~s" } },
        tooltip: [{ field: "iteration", title: "Iteration" }, { field: "seconds", title: "Seconds", format: ".3~f" },
          { field: "objective", title: "Objective", format: ",.6~r" }],
      },
    });
  }

  return { map, choose, bars, groups, history };
})();
