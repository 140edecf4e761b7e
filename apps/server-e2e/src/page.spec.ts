import { describeIf } from '../../../tools/fixtures/fixtures.js';
import { testAnswers } from './page/answers.js';
import { testChatting } from './page/chatting.js';
import { testEngineInTab } from './page/engine-in-tab.js';
import { testKeeping } from './page/keeping.js';
import { testLooks } from './page/looks.js';
import { testRunningInTab } from './page/running-in-tab.js';
import { buildSite, SITE_LIMIT_MS, testSite, type SiteBuild } from './page/site.js';
import { executablePath, PageWorld } from './support/page-world.js';

const describeWithChromium = describeIf(
  executablePath !== undefined,
  { reason: 'no Chromium (CHROMIUM_PATH names it)', required: process.env.CI === 'true' },
  { describe, it },
);

describeWithChromium('the chat page', () => {
  const world = new PageWorld();
  const ended = new AbortController();
  let building: Promise<SiteBuild>;
  let site: SiteBuild;

  // The site is built while the page is tested.
  beforeAll(() => {
    building = buildSite(ended.signal);
    return world.start();
  });
  afterAll(() => (ended.abort(), world.stop()));
  afterEach(() => world.close());

  describe('is talked to, and', () => testChatting(world));
  describe('keeps conversations, and', () => testKeeping(world));
  describe('shows answers, and', () => testAnswers(world));
  describe('runs the engine in a tab, and', () => testEngineInTab(world));
  describe('answers in its tab where the server lets it, and', () => testRunningInTab(world));
  describe('looks well, and', () => testLooks(world));
  describe('leads to a site that', () => {
    // A server looks for the site when it starts.
    beforeAll(async () => {
      site = await building;
      await world.restart();
    }, SITE_LIMIT_MS);
    testSite(world, () => site);
  });
});
