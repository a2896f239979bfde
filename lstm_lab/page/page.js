// The page itself: buttons, keys, menus, and one `show` that draws a position of the run.

const KEYS_TO_COLOURS = {
  forward: "Line weights follow the values of the chosen unit: orange pipes are as full as the gate is open, blue and " +
    "green lines as wide as the value is large in the run. Dashed: not in this variant.",
  backward: "Purple arrows are as wide as the delta is large in the whole run: the loss's derivative along each wire. " +
    "Dashed: not in this variant.",
};

function start(data) {
  const find = (id) => document.getElementById(id);
  const names = Object.keys(data.variants);
  const state = { variant: names[0], layout: "circuit", unit: 0, at: 0, timer: null };
  for (const part of location.hash.slice(1).split("&")) {  // #variant=V&layout=odyssey&unit=2&at=40
    const [key, value] = part.split("=");
    if (key === "variant" && data.variants[value]) state.variant = value;
    if (key === "layout" && data.layouts[value]) state.layout = value;
    if ((key === "at" || key === "unit") && /^\d+$/.test(value)) state[key] = Number(value) - (key === "unit" ? 1 : 0);
  }
  const units = () => data.variants[state.variant].steps[0].values.c.length;
  const option = ([value, text]) => `<option value="${escape(value)}">${escape(text)}</option>`;
  const options = (list) => list.map(option).join("");
  find("about").textContent = data.about;
  find("variant").innerHTML = options(names.map((name) => [name, `${name} – ${data.variants[name].title}`]));
  find("layout").innerHTML = options([["circuit", "electronic circuit"], ["odyssey", "Search Space Odyssey"]]);
  find("unit").innerHTML = options(Array.from({ length: units() }, (_, k) => [k, k + 1]));

  function show(at = state.at) {
    const variant = data.variants[state.variant], positions = timeline(variant);
    state.at = Math.max(0, Math.min(at, positions.length - 1));
    state.unit = Math.max(0, Math.min(state.unit, units() - 1));
    const position = positions[state.at], layout = data.layouts[state.layout];
    const svg = find("diagram");
    svg.setAttribute("viewBox", `-0.3 -0.2 ${layout.width + 0.8} ${layout.height + 0.9}`);
    svg.innerHTML = diagram(data, variant, layout, position, state.unit);
    find("equations").innerHTML = equationList(data, variant, position, state.unit);
    find("strip").innerHTML = strip(variant, position, state.unit);
    const equations = position.event.equations.map((number) => `(${number})`).join(" ");
    find("now").textContent = `${position.pass === "forward" ? "Forwards" : "Backwards"}, time step ${position.t + 1} of ` +
      `${variant.steps.length}, equation ${equations}`;
    find("key").textContent = KEYS_TO_COLOURS[position.pass];
    Object.assign(find("slider"), { max: positions.length - 1, value: state.at });
    for (const key of ["variant", "layout", "unit"]) find(key).value = String(state[key]);
    const list = find("equations"), current = list.querySelector(".current");
    if (current) list.scrollTop = current.offsetTop - list.clientHeight / 3;
  }
  const run = () => timeline(data.variants[state.variant]);
  const advance = () => (state.at + 1 < run().length ? show(state.at + 1) : play(false));
  function play(on) {
    clearInterval(state.timer);
    state.timer = on ? setInterval(advance, 900) : null;
    find("play").textContent = on ? "Pause" : "Play";
  }
  const jump = (direction) => show(neighbour(run(), state.at, direction));
  const actions = {
    first: () => show(0),
    "step-back": () => jump(-1),
    back: () => show(state.at - 1),
    play: () => play(state.timer === null),
    next: () => show(state.at + 1),
    "step-next": () => jump(1),
    last: () => show(Infinity),
  };
  const nextUnit = () => { state.unit = (state.unit + 1) % units(); show(); };
  const keys = {
    Home: actions.first, PageUp: actions["step-back"], ArrowLeft: actions.back, " ": actions.play,
    ArrowRight: actions.next, PageDown: actions["step-next"], End: actions.last, u: nextUnit,
  };
  function choose(id, value) {
    const before = run()[state.at];
    state[id] = id === "unit" ? Number(value) : value;
    show(sameMoment(run(), before));
  }
  for (const [id, action] of Object.entries(actions)) find(id).addEventListener("click", action);
  for (const id of ["variant", "layout", "unit"])
    find(id).addEventListener("change", (event) => choose(id, event.target.value));
  find("slider").addEventListener("input", (event) => show(Number(event.target.value)));
  find("strip").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const positions = run(), t = Number(button.dataset.t), pass = positions[state.at].pass;
    show(positions.findIndex((position) => position.t === t && position.pass === pass));
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys[event.key];
    if (!action || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    action();
  });
  show();
}

start(JSON.parse(document.getElementById("data").textContent));
