// An open page follows what is done in a shell: the row changes within 1.5 s, the focus stays where it is, and a hidden tab is right
// when it is shown again. Commands are asked for on standard output, and done by whoever reads it: `stop shop`, answered with a line.
// Usage: node live.mjs URL CODE FOLDER      (findings as the last line, JSON; exit 0)
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [url, code, folder] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const findings = [];
const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
page.on("console", (message) => message.type() === "error" && findings.push(message.text()));
page.on("pageerror", (error) => findings.push(String(error)));
page.on("request", (request) => /^(data:|about:)/.test(request.url()) || request.url().startsWith(url) || findings.push(`asks for ${request.url()}`));
const is = (what, found, wanted) => found === wanted || findings.push(`${what}: ${found}`);
async function shell(command) {
  console.log(command);
  await lines.next();
  return Date.now();
}
const state = (name) => page.textContent(`#r-${name} [data-label=State] .state`);
const until = (name, word) => page.waitForFunction(([name, word]) => document.querySelector(`#r-${name} [data-label=State] .state`)?.textContent.endsWith(word), [name, word]);

await page.goto(`${url}/login`);
await page.fill("#code", code);
await page.click("form:has(#code) button");
await page.waitForURL(`${url}/instances`);
await page.waitForFunction(() => performance.getEntriesByType("resource").some((one) => one.name.includes("/live")) || document.readyState === "complete");
await page.check("#r-blog input");
await page.focus("#r-shop a");
await page.evaluate(() => { document.querySelector("#r-shop").marked = true; });
const done = await shell("stop shop");
await until("shop", "stopped");
const took = Date.now() - done;
is("the focus", await page.evaluate(() => document.activeElement.getAttribute("href")), "/instances/shop");
is("what was ticked", await page.isChecked("#r-blog input"), true);
is("what is spoken", await page.textContent("#spoken"), "shop is stopped.");
await page.screenshot({ path: `${folder}/live-1280.png` });
// A tab that nobody sees.
const hide = (hidden) => page.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);
await hide(true);
await shell("start shop");
await shell("create new");
is("hidden", (await state("shop")).endsWith("stopped"), true);
await hide(false);
await until("shop", "running");
await until("new", "running");
is("the rows", (await page.$$eval("#rows tr", (rows) => rows.map((row) => row.id))).join(), "r-blog,r-new,r-shop");
// The page of one that is deleted says so, and leads back.
await page.goto(`${url}/instances/new`);
await shell("delete new");
await page.waitForSelector("#gone .over");
is("what is said", (await page.textContent("#gone")).trim(), "There is no instance new any more. All instances");
is("what can be done", await page.isVisible(".actions"), false);
await page.screenshot({ path: `${folder}/gone-1280.png`, fullPage: true });
await page.click("#gone a");
await page.waitForURL(`${url}/instances`);
// A list that becomes empty says so, and shows the first that somebody makes.
await shell("delete blog");
await shell("delete shop");
await page.waitForFunction(() => document.querySelector("#list")?.textContent.includes("There are no instances yet"));
await page.goto(`${url}/instances`);
await shell("create first");
await until("first", "running");
await page.screenshot({ path: `${folder}/first-1280.png`, fullPage: true });
// Whose session is over is led to the log-in.
await shell("logout root");
await page.waitForURL(`${url}/login`);
await browser.close();
console.log(JSON.stringify({ took, findings: [...new Set(findings)] }));
// Whoever is told waits for the end of this, and so would this for theirs.
process.exit(0);
