import { ChatPage } from './chat-page.js';
import { openStore } from './indexed-store.js';

await new ChatPage(await openStore()).start();
