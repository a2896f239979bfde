"use strict";
// From the embedded run to text: positions, diagrams, equations. Nothing here touches the page; page.js does.

const UNIT = 50, HEAD = 0.3, ROUNDING = 0.35, WIDEST = 10, THIN = 1.6;

/** Every position of a variant's run: forwards through time, then backwards, one event after the other. */
function timeline(variant) {
  const positions = [];
  const times = variant.steps.map((_, t) => t);
  for (const t of times) variant.events.forward.forEach((event, k) => positions.push({ pass: "forward", t, k, event }));
  for (const t of times.reverse())
    variant.events.backward.forEach((event, k) => positions.push({ pass: "backward", t, k, event }));
  return positions;
}

/** The position of the first event of the time step before (-1) or after (+1) the one at `at`. */
function neighbour(positions, at, direction) {
  const starts = positions.map((position, index) => (position.k === 0 ? index : -1)).filter((index) => index >= 0);
  if (direction > 0) return starts.find((index) => index > at) ?? positions.length - 1;
  return starts.filter((index) => index < at).pop() ?? 0;
}

/** Where another variant's run is at the same pass, time step and equation, or at the first equation of that step. */
function sameMoment(positions, old) {
  const there = (position) => position.pass === old.pass && position.t === old.t;
  const shared = (position) => position.event.equations.some((number) => old.event.equations.includes(number));
  const exact = positions.findIndex((position) => there(position) && shared(position));
  return exact >= 0 ? exact : Math.max(positions.findIndex(there), 0);
}

/** A number of the unit: its entry, or the root mean square of what is shared by all units. */
function numberOf(name, array, unit) {
  if (name !== "x" && name !== "s-") return array[unit];
  return Math.sqrt(array.reduce((sum, value) => sum + value * value, 0) / array.length);
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 0.001 && size < 1000 ? value.toPrecision(size < 1 ? 2 : 3) : value.toExponential(1);
  return text.replace("-", "−").replace("e-", "e−");
}

function escape(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** The largest size of a unit's numbers in a pass of the run, gates aside. */
function largest(data, variant, unit, key) {
  let most = 0;
  for (const step of variant.steps)
    for (const [name, array] of Object.entries(step[key]))
      if (key === "deltas" || !data.gates.includes(name)) most = Math.max(most, Math.abs(numberOf(name, array, unit)));
  return most || 1;
}

/** How each wire of the variant is drawn at a position: width, colour, label, direction. */
function strokes(data, variant, position, unit) {
  const backward = position.pass === "backward";
  const happened = variant.events[position.pass].slice(0, position.k + 1).flatMap((event) => event.wires);
  const newest = new Set(position.event.wires), reached = new Set(happened);
  const step = variant.steps[position.t], numbers = backward ? step.deltas : step.values;
  const most = largest(data, variant, unit, backward ? "deltas" : "values");
  const found = {};
  for (const name of Object.keys(step.values)) {
    if (!reached.has(name)) {
      found[name] = { width: THIN, colour: "var(--rest)", label: "" };
      continue;
    }
    const value = numberOf(name, numbers[name], unit), gate = !backward && data.gates.includes(name);
    const symbol = !backward && data.symbols[name] ? data.symbols[name] + " = " : "";
    const forwardColour = gate ? "var(--gate)" : /^c-[ifo]$/.test(name) ? "var(--peephole)" : "var(--value)";
    const colour = !backward ? forwardColour : newest.has(name) ? "var(--delta)" : "var(--delta-earlier)";
    const width = gate ? WIDEST * value : WIDEST * Math.abs(value) / most;
    const shared = name === "x" || name === "s-";
    found[name] = { width, colour, casing: gate, backward, newest: newest.has(name), value,
      label: (shared ? "rms " : "") + symbol + short(value) };
  }
  return found;
}

function towards(start, goal, distance) {
  const [dx, dy] = [goal[0] - start[0], goal[1] - start[1]];
  const share = Math.min(distance / Math.max(Math.hypot(dx, dy), 1e-9), 0.5);
  return [start[0] + dx * share, start[1] + dy * share];
}

/** The path of a wire with round corners, in units with y downwards. */
function path(points) {
  const parts = ["M" + points[0].join(" ")];
  for (let k = 1; k < points.length - 1; k++) {
    const before = towards(points[k], points[k - 1], ROUNDING), after = towards(points[k], points[k + 1], ROUNDING);
    parts.push("L" + before.join(" ") + " Q" + points[k].join(" ") + " " + after.join(" "));
  }
  return parts.join(" ") + " L" + points[points.length - 1].join(" ");
}

function wire(layout, item, stroke) {
  const flipped = item.path.map(([x, y]) => [x, layout.height - y]);
  const points = stroke.backward ? flipped.reverse() : flipped, end = points.length - 1;
  const arrow = item.arrow || stroke.backward, tip = points[end], foot = towards(tip, points[end - 1], HEAD);
  const line = path(arrow ? [...points.slice(0, end), towards(tip, points[end - 1], HEAD * 0.6)] : points);
  const widest = (stroke.casing ? WIDEST : Math.max(stroke.width, THIN)) / UNIT, thin = THIN / UNIT;
  const draw = (colour, width, more = "") =>
    `<path class="wire${stroke.ghost ? " ghost" : ""}" d="${line}" stroke="${colour}" stroke-width="${width}" ${more}/>`;
  let text = "";
  if (item.bridge && !stroke.ghost)
    text += `<path class="wire" d="${path(bridged(points))}" stroke="var(--frame)" stroke-width="${widest + 0.12}"/>`;
  text += draw(stroke.casing ? "var(--casing)" : stroke.colour, stroke.casing ? widest : thin,
    stroke.ghost ? 'style="stroke-dasharray:.1 .08"' : "");
  if (!stroke.ghost) text += draw(stroke.colour, stroke.width / UNIT, `data-wire="${escape(item.name)}"`);
  if (arrow) {
    const half = Math.max(0.11, widest * 0.9);
    const [dx, dy] = [(tip[1] - foot[1]) / HEAD * half, (foot[0] - tip[0]) / HEAD * half];
    const corners = [tip, [foot[0] + dx, foot[1] + dy], [foot[0] - dx, foot[1] - dy]];
    text += `<polygon points="${corners.map((corner) => corner.join(",")).join(" ")}" fill="${stroke.colour}"/>`;
  }
  return text;
}

/** The wire without its ends, so that a bridge does not cut what it starts from. */
function bridged(points) {
  const end = points.length - 1, inner = points.slice(1, end);
  return [towards(points[0], points[1], HEAD), ...inner, towards(points[end], points[end - 1], HEAD)];
}

function label(layout, item, stroke) {
  if (!item.label || !stroke.label) return "";
  const [x, y, side] = item.label, anchor = { left: "start", center: "middle", right: "end" }[side];
  const colour = stroke.colour === "var(--gate)" ? "var(--gate-text)" : stroke.colour;
  return `<text x="${x}" y="${layout.height - y}" text-anchor="${anchor}" dominant-baseline="central" font-size=".27"` +
    ` style="fill:${colour}${stroke.newest ? ";font-weight:bold" : ""}">${escape(stroke.label)}</text>`;
}

function node(layout, item, variant, there) {
  const [x, y] = [item.at[0], layout.height - item.at[1]], [width, height] = item.size;
  const text = variant.activations[item.name] ?? item.text, ghost = there ? "" : "ghost";
  const fills = { "σ": "var(--box)", tanh: "var(--tanh)", c: "var(--cell)" };
  const solid = item.shape === "dot" || item.shape === "lag";
  const paper = there ? fills[text] ?? "var(--paper)" : "var(--paper)";
  const fill = !solid ? paper : there ? "var(--ink)" : "var(--pale)";
  const look = `class="node ${ghost}" style="fill:${fill};stroke-width:.03${there ? "" : ";stroke-dasharray:.1 .08"}"`;
  const round = item.shape === "box" ? 0.15 : 0;
  const size = `width="${width}" height="${height}" rx="${round}"`;
  const square = `<rect x="${x - width / 2}" y="${y - height / 2}" ${size} ${look}/>`;
  const circle = `<circle cx="${x}" cy="${y}" r="${width / 2}" ${look}/>`;
  const shape = { text: "", box: square, lag: square }[item.shape] ?? circle;
  if (!text) return shape;
  const place = `x="${x}" y="${y}" text-anchor="middle" dominant-baseline="central" font-size=".3"`;
  return `${shape}<text class="${ghost}" ${place}>${escape(text)}</text>`;
}

/** The diagram at a position, as the inside of an svg element. */
function diagram(data, variant, layout, position, unit) {
  const drawn = strokes(data, variant, position, unit), vanilla = new Set(data.vanilla);
  const [left, bottom, right, top] = layout.frame;
  const ghosts = [], wires = [], labels = [], nodes = [];
  for (const item of layout.wires) {
    const stroke = drawn[item.name];
    if (stroke) { wires.push(wire(layout, item, stroke)); labels.push(label(layout, item, stroke)); }
    else if (vanilla.has(item.name))
      ghosts.push(wire(layout, item, { width: THIN, colour: "var(--pale)", ghost: true }));
  }
  for (const item of layout.nodes) {
    const there = item.needs.some((name) => name in drawn);
    const ghost = item.shape !== "dot" && item.needs.some((name) => vanilla.has(name));
    if (there || ghost) nodes.push(node(layout, item, variant, there));
  }
  const box = `x="${left}" y="${layout.height - top}" width="${right - left}" height="${top - bottom}" rx=".5"`;
  const frame = `<rect ${box} fill="var(--frame)" stroke="var(--pale)" stroke-width=".02"/>`;
  return [frame, ...ghosts, ...wires, ...nodes, ...labels].join("");
}

/** One result of an equation: a number a unit, with the chosen unit marked; of a matrix the chosen unit's column. */
function result(name, array, unit) {
  const rows = Array.isArray(array[0]) ? array.map((row) => row[unit]) : array;
  const perUnit = !Array.isArray(array[0]) && name !== "δx" && name !== "δs₋";
  const numbers = rows.map((value, k) => (perUnit && k === unit ? `<b>${short(value)}</b>` : short(value)));
  return `${escape(name)}${perUnit || !Array.isArray(array[0]) ? "" : `[:, ${unit + 1}]`} = ${numbers.join("&ensp;")}`;
}

/** All equations with the results of the time step, as far as they are computed. */
function equationList(data, variant, position, unit) {
  const done = new Set(variant.events[position.pass].slice(0, position.k + 1).flatMap((event) => event.equations));
  const ofForward = new Set(variant.events.forward.flatMap((event) => event.equations));
  const ofVariant = new Set([...ofForward, ...variant.events.backward.flatMap((event) => event.equations)]);
  const current = new Set(position.event.equations), results = variant.steps[position.t].results;
  return Object.entries(data.equations).map(([key, formula]) => {
    const number = Number(key), pass = ofForward.has(number) || number < 8 || number === 21 ? "forward" : "backward";
    const known = ofVariant.has(number) && (position.pass === "backward" && pass === "forward" || done.has(number));
    const classes = ["equation", pass, current.has(number) ? "current" : "", ofVariant.has(number) ? "" : "absent"];
    const lines = known ? Object.entries(results[key]).map(([name, array]) => result(name, array, unit)) : [];
    const shown = lines.map((line) => `<div class="result">${line}</div>`).join("");
    const remark = variant.remarks[key] ? `<div class="remark">${escape(variant.remarks[key])}</div>` : "";
    const printed = `<span class="number">(${number})</span><span>${escape(formula)}</span>`;
    return `<div class="${classes.join(" ").trim()}"><div class="formula">${printed}</div>${remark}${shown}</div>`;
  }).join("");
}

/** The time steps as buttons, each with bars for the size of c and, as soon as it is known, of δc. */
function strip(variant, position, unit) {
  const c = variant.steps.map((step) => Math.abs(step.values.c[unit]));
  const d = variant.steps.map((step) => Math.abs(step.deltas.c[unit]));
  const share = (value, all) => Math.round(100 * value / (Math.max(...all) || 1));
  const backward = position.pass === "backward", happened = variant.events[position.pass].slice(0, position.k + 1);
  const here = (number) => happened.some((event) => event.equations.includes(number));
  return variant.steps.map((_, t) => {
    const seen = backward || t < position.t || (t === position.t && here(5));
    const returned = backward && (t > position.t || (t === position.t && here(9)));
    const heights = [seen ? share(c[t], c) : 0, returned ? share(d[t], d) : 0];
    const bars = `<span style="height:${heights[0]}%"></span><span class="delta" style="height:${heights[1]}%"></span>`;
    const text = `<span class="bars">${bars}</span>t = ${t + 1}`;
    return `<button data-t="${t}" aria-current="${t === position.t}">${text}</button>`;
  }).join("");
}

if (typeof module !== "undefined")
  module.exports = { timeline, neighbour, sameMoment, strokes, diagram, equationList, strip, short };
