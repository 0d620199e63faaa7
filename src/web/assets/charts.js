// Each picture as a chart that can be read point by point: of the numbers in the table below it. What has no points is a gap.
const probe = document.createElement("span");
document.body.append(probe);
function resolved(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
const [line, dim, grid] = ["--link", "--dim", "--line"].map(resolved);
probe.remove();

// Steps between two times on the axis: whole minutes, hours and days.
const steps = [...[1, 2, 5, 10, 15, 30].map((n) => n * 60), ...[1, 2, 3, 6, 12].map((n) => n * 3600), ...[1, 2, 7, 14, 30, 60, 90].map((n) => n * 86400)];

const charts = [];
for (const section of document.querySelectorAll("section[data-metric]")) {
  const data = [[], [], [], []];
  let before = Infinity, seconds = 60;
  for (const row of section.querySelectorAll("tbody tr")) {
    const at = new Date(row.querySelector("time").dateTime).getTime() / 1000;
    seconds = Number(row.dataset.seconds);
    if (at - before > 2 * seconds) data.forEach((column, n) => column.push(n ? null : before + seconds));
    [at, ...[...row.querySelectorAll("td")].map((cell) => Number(cell.textContent))].forEach((value, n) => data[n].push(value));
    before = at;
  }
  const picture = section.querySelector("svg");
  if (!picture || !data[0].length) continue;
  const place = document.createElement("div");
  place.className = "plot";
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", picture.getAttribute("aria-label"));
  picture.replaceWith(place);
  const isDay = data[0].at(-1) - data[0][0] < 2 * 86400;
  const form = new Intl.DateTimeFormat(undefined, isDay ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { day: "numeric", month: "short" });
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const axis = { stroke: dim, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const thin = { stroke: line, width: 1, alpha: 0.4, points: { show: false } };
  const plot = new uPlot({
    width: place.clientWidth,
    height: 170,
    scales: { y: { range: (_, low, high) => [Math.min(0, low), high > low ? high * 1.05 : low + 1] } },
    axes: [{ ...axis, space: 70, incrs: steps, values: (_, all) => all.map((at) => form.format(at * 1000)) }, { ...axis, size: 70 }],
    series: [{ label: "Time", value: (_, at) => (at ? whole.format(at * 1000) : "–") }, { label: "Average", stroke: line, width: 2 }, { label: "Smallest", ...thin }, { label: "Largest", ...thin }],
  }, data, place);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 170 })).observe(place);
  charts.push({ section, plot, data, seconds });
}

// The last minute, where minutes are shown.
document.addEventListener("htmx:after:swap", () => {
  for (const { section, plot, data, seconds } of charts) {
    const last = section.querySelector("[data-at]");
    const at = last && new Date(last.dataset.at).getTime() / 1000;
    if (!at || seconds > 60 || at <= data[0].at(-1)) continue;
    const value = Number(last.dataset.value);
    data.forEach((column, n) => column.push(n ? value : at));
    plot.setData(data);
  }
});
