import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import LiveExample from '../../src/examples/LiveExample.vue';
import Playground from '../../src/playgrounds/Playground.vue';
import './style.css';

/** VitePress's own theme, with what runs in the reader's browser. */
export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('LiveExample', LiveExample);
    app.component('Playground', Playground);
  },
} satisfies Theme;
