// Looks at the console's pages in a browser: at each page, in both colour schemes and two widths, axe-core finds nothing, nothing
// scrolls sideways, nothing is asked for elsewhere, and no script or policy complains. Pictures are kept.
// Usage: node look.mjs URL CODE FOLDER PATH…      (one line of JSON on standard output, the findings; exit 0)
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, code, folder, ...paths] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const widths = [[1280, 900], [360, 740], [320, 640]];

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const findings = [];
let looked = 0;

async function inside(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const said = (text) => findings.push(`${new URL(page.url()).pathname}: ${text}`);
  // A policy that is broken is no error of the console in every version: it is listened for.
  await context.exposeFunction("policyBroken", (text) => findings.push(`policy: ${text}`));
  await context.addInitScript("addEventListener('securitypolicyviolation', (e) => policyBroken(`${e.violatedDirective} ${e.blockedURI}`))");
  page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && said(message.text()));
  page.on("pageerror", (error) => said(String(error)));
  page.on("dialog", (dialog) => { said(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => /^(data:|about:)/.test(request.url()) || request.url().startsWith(url) || said(`asks for ${request.url()}`));
  return { context, page, said };
}

async function logIn(page) {
  await page.goto(`${url}/login`);
  await page.fill("#code", code);
  await page.click("form:has(#code) button");
  await page.waitForURL(`${url}/instances`);
}

const name = (path) => path.replace(/^\//, "").replace(/[^a-z0-9]+/gi, "-") || "start";

// One log-in, whose cookie all contexts have.
const first = await inside({ javaScriptEnabled: false });
await logIn(first.page);
const cookies = await first.context.cookies();

for (const colorScheme of ["light", "dark"]) {
  const { context, page, said } = await inside({ colorScheme, reducedMotion: "reduce" });
  await context.addCookies(cookies);
  for (const path of ["/login", ...paths]) {
    for (const [width, height] of widths) {
      await page.setViewportSize({ width, height });
      await page.goto(url + path);
      looked += 1;
      const over = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      if (over > 0) said(`scrolls sideways by ${over} at ${width}`);
      await page.screenshot({ path: `${folder}/${name(path)}-${width}-${colorScheme}.png`, fullPage: true });
      if (width === 320) continue;
      await page.evaluate(axe);
      const result = await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} })`);
      for (const one of result.violations) {
        for (const node of one.nodes) said(`${one.id} at ${width} ${colorScheme}: ${node.html.slice(0, 160)} ${node.any.map((a) => a.message).join("; ")}`);
      }
    }
  }
  // The menu of a narrow screen opens by its button, without scripts of ours.
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${url}/instances`);
  await page.click("button.menu");
  if (!(await page.isVisible("#rail a"))) said("the menu does not open");
  await page.screenshot({ path: `${folder}/menu-360-${colorScheme}.png` });
  await context.close();
}

// What is wrong with a form has the focus, and leads to its field.
const { context, page, said } = await inside({});
await context.addCookies(cookies);
await page.setViewportSize({ width: 1280, height: 900 });
await page.goto(`${url}/create?blueprint=debian-13`);
await page.fill("#f-name", "No Name");
await page.click("form[action='/create'] button.main");
await page.waitForSelector(".faults");
if (!(await page.evaluate("document.activeElement.classList.contains('faults')"))) said("the summary has no focus");
await page.screenshot({ path: `${folder}/create-refused-1280-light.png`, fullPage: true });
await page.click(".faults a");
if ((await page.evaluate("document.activeElement.id")) !== "f-name") said("the summary does not lead to the field");
if ((await page.inputValue("#f-name")) !== "No Name") said("what was typed is gone");
await browser.close();
console.log(JSON.stringify({ looked, findings: [...new Set(findings)] }));
