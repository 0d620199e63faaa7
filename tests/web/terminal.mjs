// Two people in two browsers before one serial console: both see, one types, taking over is announced, the guest stops.
// Usage: node terminal.mjs URL CODE CODE LOG FOLDER      (findings as one line of JSON; exit 0)
import { appendFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [url, code, other, log, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const findings = [];
const guest = (text) => appendFileSync(log, text);

async function person(code) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.on("console", (message) => message.type() === "error" && findings.push(message.text()));
  page.on("pageerror", (error) => findings.push(String(error)));
  page.on("dialog", (dialog) => { findings.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => /^(data:|about:)/.test(request.url()) || request.url().replace(/^ws/, "http").startsWith(url) || findings.push(`asks for ${request.url()}`));
  await page.goto(`${url}/login`);
  await page.fill("#code", code);
  await page.click("form:has(#code) button");
  await page.waitForURL(`${url}/instances`);
  return page;
}
const shows = (page, text) => page.waitForFunction((text) => document.querySelector(".xterm-rows")?.textContent.replaceAll("\u00a0", " ").includes(text), text);
const says = (page, text) => page.waitForFunction((text) => document.getElementById("terminal-said").textContent === text, text);
const is = (what, found, wanted) => found === wanted || findings.push(`${what}: ${found}`);

const [root, anna] = [await person(code), await person(other)];
guest("booted\r\n");
for (const page of [root, anna]) {
  await page.goto(`${url}/instances/shop/console`);
  await shows(page, "booted");
  await says(page, "Nobody has the keyboard.");
}
await root.click("#terminal-take");
await says(root, "You have the keyboard.");
await says(anna, "root has the keyboard.");
await anna.click(".xterm");
await anna.keyboard.type("no");
await root.keyboard.type("ls\r");
// What a guest may not have: an answer, the title, the clipboard, a link that opens.
guest("\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[18t\x1b]10;?\x07\x1bP$qm\x1b\\\x1b]0;evil\x07\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil.example/\x07link\x1b]8;;\x07 \x1b[1mbold\x1b[0m\r\n");
for (const page of [root, anna]) await shows(page, "link bold");
is("the title", await root.title(), "Console of shop · lite");
is("the styles count", await root.evaluate(() => getComputedStyle(document.querySelector(".xterm-bold")).fontWeight), "700");
await root.screenshot({ path: `${folder}/console-1280.png` });
is("the button", await anna.textContent("#terminal-take"), "Take the keyboard from root");
await anna.click("#terminal-take");
await says(root, "anna took the keyboard.");
await says(anna, "You have the keyboard.");
await root.click(".xterm");
await root.keyboard.type("no longer");
await anna.keyboard.type("w\r");
await anna.keyboard.press("Control+BracketRight");
await says(anna, "You gave the keyboard back.");
is("the focus", await anna.evaluate(() => document.activeElement.closest(".xterm") === null), true);
await says(root, "Nobody has the keyboard.");
const third = await anna.context().newPage();
await third.goto(`${url}/instances/shop`);
guest("Power down.\r\n");
await third.click("button[value=switch-off]");
for (const page of [root, anna]) {
  await says(page, "the guest has stopped.");
  await shows(page, "Power down.");
  is("to connect again", await page.isVisible("#terminal-again"), true);
}
await root.click("#terminal-again");
await root.waitForFunction(() => document.getElementById("terminal-said").textContent.startsWith("instance `shop` is not running"));
await root.reload();
is("off", await root.isVisible("button[value=start]"), true);
await browser.close();
console.log(JSON.stringify({ findings: [...new Set(findings)] }));
