import { Answers, type Answerer, type ComingAnswer } from './answers.js';
import { fetchModels, streamAnswer, type ServedModel } from './api.js';
import type { ChatSettings } from './chat-settings.js';
import { Chats } from './chats.js';
import { Composer } from './composer.js';
import type { ConversationStore } from './conversation-store.js';
import { conversationFile, parseConversationFile, type WholeConversation } from './conversation-file.js';
import { leafBelow, newTurn, parentForMessage, pathTo, type Turn } from './conversation.js';
import { byId } from './dom.js';
import { chooseFiles, fileName, saveFile } from './files.js';
import { banner, notice } from './notices.js';
import { ServerPanel } from './server-panel.js';
import { SettingsPanel } from './settings-panel.js';
import { Sidebar } from './sidebar.js';
import { TabEngine } from './tab-engine.js';
import { ideaButtons, ThreadView } from './thread-view.js';

const IDEAS = [
  'Tell me a story about a fox.',
  'What is 12 + 7?',
  'What is the capital of France?',
  'Spell the word river.',
];

const FULL =
  'The browser has no room left: what you write now is kept until this page is closed. Export it, or delete conversations.';
const NOT_KEPT =
  'This browser keeps nothing for this page: conversations are gone when it is closed. Export what you want to keep.';

/** The page: what readers do, done to the conversations, and the conversations shown. */
export class ChatPage {
  readonly #chats: Chats;
  readonly #answers: Answers;
  readonly #sidebar: Sidebar;
  readonly #settings: SettingsPanel;
  readonly #composer: Composer;
  readonly #thread: ThreadView;
  readonly #tab = new TabEngine();
  #models: readonly ServedModel[] = [];

  constructor(store: ConversationStore) {
    this.#chats = new Chats(store, {
      listed: () => this.#showList(),
      opened: () => this.#showOpen(),
      closed: (isElsewhere) => void (isElsewhere && notice('This conversation was deleted in another tab.')),
      isComing: (turn) => this.#answers.isComing(turn),
      notKept: (isFull) => banner(isFull ? FULL : NOT_KEPT),
    });
    this.#answers = new Answers({
      advanced: (answer) => this.#advanced(answer),
      keep: (turn) => this.#chats.put(turn, { isLeaf: false }),
      ended: (turn) => this.#ended(turn),
    });
    this.#settings = new SettingsPanel({
      changed: (settings) => {
        this.#showWhere();
        if (this.#chats.open) void this.#chats.change(this.#chats.open.id, { settings });
      },
      keyChanged: () => void this.#loadModels(),
    });
    new ServerPanel(() => this.#settings.apiKey);
    this.#composer = new Composer({
      send: (text) => void this.#say(text),
      stop: () => this.#answers.of(this.#chats.open?.id)?.stop(),
    });
    this.#thread = new ThreadView(byId('thread'), byId('scroll'), {
      show: (turn) =>
        void this.#chats
          .change(turn.conversation, { leaf: leafBelow(this.#chats.turns, turn.id) })
          .then(() => this.#showOpen()),
      edit: (turn, text) => void this.#ask(turn.parent, text),
      again: (turn) => void this.#answer(turn.parent),
      sendResults: (turn, results) => void this.#sendResults(turn, results),
      copy: (text) => navigator.clipboard.writeText(text),
    });
    this.#sidebar = new Sidebar({
      open: (id) => this.#goTo(id),
      rename: (id, title) => void this.#chats.change(id, { title }),
      exportOne: (id) => void this.#export([id]),
      remove: (id) => void this.#remove(id),
      search: (text) => this.#chats.search(text),
    });
    byId('ideas').append(...ideaButtons(IDEAS, (text) => void this.#say(text)));
    byId('new-chat').addEventListener('click', () => {
      this.#goTo(undefined);
      this.#composer.focus();
    });
    byId('export').addEventListener('click', () => void this.#export(this.#chats.list.map(({ id }) => id)));
    byId('import').addEventListener('click', () => void this.#import());
    window.addEventListener('hashchange', () => void this.#openAddressed());
    window.addEventListener('pagehide', () => {
      for (const { turn } of this.#answers.all) void this.#chats.put(turn, { isLeaf: false });
    });
    if (!store.isLasting) banner(NOT_KEPT);
  }

  async start(): Promise<void> {
    void this.#loadModels();
    await this.#chats.refresh();
    await this.#openAddressed();
    this.#composer.focus();
  }

  async #loadModels(): Promise<void> {
    try {
      const answer = await fetchModels(this.#settings.apiKey);
      this.#models = answer.kind === 'ok' ? answer.value : [];
      if (answer.kind === 'refused')
        notice(`${answer.refusal.message}. The key is entered under Settings.`.replace('..', '.'));
    } catch {
      notice('The server cannot be reached.', { label: 'Try again', run: () => void this.#loadModels() });
    }
    this.#settings.showModels(this.#models);
    this.#showWhere();
  }

  // ---- which conversation

  /** The address names the conversation that is open: it can be gone back to, and is there after a reload. */
  #goTo(id: string | undefined): void {
    const hash = id === undefined ? '' : `#${id}`;
    if (location.hash !== hash) history.pushState(null, '', `${location.pathname}${hash}`);
    this.#sidebar.close();
    void this.#openAddressed();
  }

  async #openAddressed(): Promise<void> {
    const id = location.hash.slice(1);
    if (id === (this.#chats.open?.id ?? '')) return;
    if (id === '' || !(await this.#chats.openChat(id))) this.#chats.openNone();
    this.#thread.toEnd();
  }

  // ---- saying something

  async #say(text: string): Promise<void> {
    const { open, turns } = this.#chats;
    if (open) return this.#ask(parentForMessage(turns, open.leaf), text);
    const turn = await this.#chats.begin(text, this.#settings.settings);
    history.pushState(null, '', `#${turn.conversation}`);
    await this.#answer(turn.id);
  }

  /** A message of the reader after a turn (or as a first one), and its answer. */
  async #ask(parent: string | undefined, text: string): Promise<void> {
    const { open } = this.#chats;
    if (open === undefined || this.#answers.of(open.id)) return;
    const turn = newTurn(this.#chats.turns, { conversation: open.id, parent, role: 'user', text });
    void this.#chats.put(turn);
    await this.#answer(turn.id);
  }

  async #sendResults(
    turn: Turn,
    results: readonly { readonly callId: string; readonly text: string }[],
  ): Promise<void> {
    let parent = this.#chats.open?.leaf ?? turn.id;
    for (const { callId, text } of results) {
      const result = newTurn(this.#chats.turns, {
        conversation: turn.conversation,
        parent,
        role: 'tool',
        callId,
        text,
      });
      void this.#chats.put(result);
      parent = result.id;
    }
    await this.#answer(parent);
  }

  /** An answer to a turn, beside those that there are. */
  async #answer(parent: string | undefined): Promise<void> {
    const { open } = this.#chats;
    if (open === undefined || this.#answers.of(open.id)) return;
    const { turns } = this.#chats;
    const turn = newTurn(turns, { conversation: open.id, parent, role: 'assistant', text: '' });
    const whole = this.#answers.fill(turn, pathTo(turns, parent), open, this.#answererOf(open.settings));
    const kept = this.#chats.put(turn);
    this.#showOpen();
    this.#thread.toEnd();
    await kept;
    void this.#chats.refresh();
    await whole;
  }

  /** The model of a conversation, if it is to be run here and may be. */
  #modelInTab({ isInTab, model: name }: ChatSettings): ServedModel | undefined {
    const model = this.#models.find(({ id }) => id === name) ?? this.#models[0];
    return isInTab === true && model?.file_url !== undefined ? model : undefined;
  }

  #answererOf(settings: ChatSettings): Answerer {
    const { apiKey } = this.#settings;
    const model = this.#modelInTab(settings);
    return model
      ? (body, signal) => this.#tab.answer(model, apiKey, body, signal)
      : (body, signal) => streamAnswer(body, apiKey, signal);
  }

  /** Where the answers to this conversation come from. */
  #showWhere(): void {
    const isHere = this.#modelInTab(this.#settings.settings) !== undefined;
    byId('whereabouts').textContent = isHere
      ? 'Answers are computed in this tab. Nothing you write leaves it.'
      : 'Answers are computed by this server. Nothing you write goes anywhere else.';
    this.#tab.show(isHere);
  }

  #advanced(answer: ComingAnswer): void {
    if (answer.turn.conversation === this.#chats.open?.id) this.#thread.advance(answer);
  }

  #ended(turn: Turn): void {
    if (turn.conversation === this.#chats.open?.id) {
      this.#showOpen();
      if (document.activeElement === document.body) this.#composer.focus();
    }
    this.#showList();
  }

  // ---- showing

  #showList(): void {
    const busy = new Set([...this.#answers.all].map(({ turn }) => turn.conversation));
    this.#sidebar.show(this.#chats.list, this.#chats.open?.id, busy);
  }

  #showOpen(): void {
    const { open, turns } = this.#chats;
    const coming = this.#answers.of(open?.id);
    byId('welcome').hidden = open !== undefined;
    byId('title').textContent = open?.title ?? 'New chat';
    document.title = open === undefined ? 'Starling' : `${open.title} · Starling`;
    this.#settings.show(open?.settings ?? this.#settings.settings);
    this.#showWhere();
    this.#thread.show(turns, open?.leaf, { coming, isAlone: this.#models.length < 2 });
    this.#composer.isStreaming = coming !== undefined;
    this.#showList();
    if (open === undefined && location.hash !== '') history.replaceState(null, '', location.pathname);
  }

  // ---- files

  async #export(ids: readonly string[]): Promise<void> {
    const all: WholeConversation[] = [];
    for (const id of ids) {
      const whole = await this.#chats.whole(id);
      if (whole) all.push(whole);
    }
    if (all.length === 0) return notice('There is nothing to export yet.');
    saveFile(
      all.length === 1 ? fileName(all[0].conversation.title) : 'starling-conversations.json',
      conversationFile(all),
    );
  }

  async #import(): Promise<void> {
    for (const text of await chooseFiles()) {
      const imported =
        text === undefined ? { kind: 'wrong' as const, why: 'it is too large' } : parseConversationFile(text);
      if (imported.kind === 'wrong') {
        notice(`The file could not be imported: ${imported.why}.`);
        continue;
      }
      await this.#chats.add(imported.all);
      notice(
        imported.all.length === 1
          ? 'One conversation was imported.'
          : `${imported.all.length} conversations were imported.`,
      );
    }
  }

  async #remove(id: string): Promise<void> {
    this.#answers.of(id)?.stop();
    const whole = await this.#chats.whole(id);
    await this.#chats.remove(id);
    if (whole)
      notice(`“${whole.conversation.title}” was deleted.`, { label: 'Undo', run: () => void this.#chats.add([whole]) });
  }
}
