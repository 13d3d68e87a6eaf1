/*
 * Chromium, driven by a test in another language: one JSON request a line on standard input, one JSON answer
 * a line on standard output.
 *
 * A request is [method, page, ...arguments]; an answer is {"result": ...} or {"error": "..."}. Everything a page
 * did that a test may not like is kept and told by "seen". The program ends with its standard input.
 *
 * Usage: node driver.mjs CHROMIUM
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const WAIT_MS = 30_000;
const POLL_MS = 20;

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// Playwright makes a new folder for the user's data each time, and removes it at the end.
const browser = await chromium.launch({ executablePath: process.argv[2], args: FLAGS });
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pages = new Map();

/** Note what a page does that its reader would not see. */
function watch(page) {
  const seen = { requests: [], messages: [], errors: [], dialogs: [] };
  page.on('request', (request) => request.url().startsWith('data:') || seen.requests.push(request.url()));
  page.on('console', (message) => seen.messages.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => seen.errors.push(String(error.stack ?? error)));
  page.on('dialog', async (dialog) => {
    seen.dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  return seen;
}

/** Let a page keep the violations of its Content Security Policy, whether or not the console tells them. */
function keepViolations() {
  globalThis.violations = [];
  addEventListener('securitypolicyviolation', (event) => {
    globalThis.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
  });
}

/** What can be asked; each gets the page first, as `{ page, seen }`. */
const methods = {
  async open(_, options) {
    const context = await browser.newContext(options);
    await context.addInitScript(keepViolations);
    const page = await context.newPage();
    const id = pages.size + 1;
    pages.set(id, { page, seen: watch(page) });
    return id;
  },
  close: ({ page }) => page.context().close(),
  goto: async ({ page }, address) => (await page.goto(address))?.status() ?? null,
  press: ({ page }, key) => page.keyboard.press(key),
  type: ({ page }, text) => page.keyboard.type(text),
  click: ({ page }, selector) => page.click(selector),
  fill: ({ page }, selector, text) => page.fill(selector, text),
  choose: ({ page }, selector, value) => page.selectOption(selector, value),
  upload: ({ page }, selector, paths) => page.setInputFiles(selector, paths),
  /** Press a key that opens the dialog for choosing files, and choose some. */
  async pressAndUpload({ page }, key, paths) {
    const dialog = page.waitForEvent('filechooser');
    await page.evaluate('null'); // once this is answered, the browser knows that the dialog is waited for
    await page.keyboard.press(key);
    await (await dialog).setFiles(paths);
  },
  /** Click what starts a download; gives the name and the text of the file. */
  async download({ page }, selector) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
    return [download.suggestedFilename(), await readFile(await download.path(), 'utf8')];
  },
  async wait({ page }, expression) {
    // Playwright's own way of waiting is stopped by a Content Security Policy that is strict.
    for (const end = Date.now() + WAIT_MS; !(await page.evaluate(expression)); await setTimeout(POLL_MS)) {
      if (Date.now() > end) {
        throw new Error(`not within ${WAIT_MS / 1000} s: ${expression}`);
      }
    }
  },
  evaluate: ({ page }, expression) => page.evaluate(expression),
  async screenshot({ page }, path) { await page.screenshot({ path }); },
  async pdf({ page }, path) { await page.pdf({ path }); },
  seen: async ({ page, seen }) => ({ ...seen, violations: await page.evaluate('globalThis.violations') }),
  /** Check accessibility; gives what is wrong as [rule, impact, where]. */
  async accessibility({ page }) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate('axe.run()');
    return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ target }) => [id, impact, String(target)]));
  },
};

async function answer(line) {
  try {
    const [method, page, ...rest] = JSON.parse(line);
    return { result: (await methods[method](pages.get(page), ...rest)) ?? null };
  } catch (error) {
    return { error: String(error.message ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
await browser.close();
