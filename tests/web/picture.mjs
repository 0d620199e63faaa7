// Takes pictures of pages of a console that runs, for the README: `make pictures`.
// Usage: node picture.mjs URL CODE FOLDER NAME=PATH…
import { chromium } from "playwright-core";

const [url, code, folder, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, colorScheme: "light", locale: "en-GB", timezoneId: "UTC" });
const page = await context.newPage();
await page.goto(`${url}/login`);
await page.fill("#code", code);
await page.click("form:has(#code) button");
await page.waitForURL(`${url}/instances`);
for (const one of pages) {
  const [name, path] = one.split("=");
  await page.goto(url + path);
  await page.screenshot({ path: `${folder}/${name}.png` });
}
await browser.close();
