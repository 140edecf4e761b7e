/** Common English words, the most frequent first. */
export const ENGLISH =
  'the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were her all she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through back years where much your way well down should because each just those people how too little state good very make world still own see men work long get here between both life being under never day same another know while last might us great old year off come since against go came right used take three states himself few house use during without again place around however home small found thought went say part once general high upon school every put head set night point number fact public water though less enough almost took yet government system better four nothing end why called eyes find going look asked later knew room second given word group something program city need give order case seems present side business face second possible rather become white least large often nation within program young given light above development let room national mind big given line service important money against information nature answer result problem question reason history language model memory machine process measure figure letter river mountain garden window summer winter morning evening kitchen station market village harbour teacher student doctor engineer builder painter writer reader listener traveller neighbour';

/** Parts from which rarer words are put together. */
export const PREFIXES = 'un re over under inter micro counter anti multi pre sub hyper trans electro photo bio neuro semi pseudo retro'.split(' ');
export const STEMS =
  'form struct graph port spect tract duct ject scrib vers vert press miss mit ceive tain pon gram meter scope phon therm chron cycl morph lumin vibr magnet crystal granul feder nomin oper cultiv navig oscill quantif strat'.split(' ');
export const SUFFIXES = 'ation ing ed er able ment ness ity al ize ically ism ist ive ous ance'.split(' ');

/** Names, as they stand in prose and code. */
export const NAMES = 'Alma Bruno Celia Dario Edith Felix Greta Hugo Irene Jonas Klara Lionel Marta Nils Olga Pavel Quentin Rosa Sven Thea Ulrich Vera Wanda Xaver Yara Zeno'.split(' ');

/** Everyday words of other languages, by script. */
export const LANGUAGES: readonly (readonly [separator: string, words: string])[] = [
  [' ', 'der die das und ist nicht mit auf für über können müssen größe straße schön früh später vielleicht zusammenhang möglichkeit entwicklung regierung wissenschaft überraschung verantwortung'],
  [' ', 'le la les une des être avoir où très déjà même après français élève forêt naïve garçon leçon bientôt développement gouvernement événement température université bibliothèque'],
  [' ', 'el los una que está también después año niño mañana corazón canción país según aquí allí información situación desarrollo gobierno pequeño montaña'],
  [' ', 'и в не на что он как это по но они мы вы было только уже время человек жизнь работа слово город страна дорога вопрос история развитие правительство возможность понимание'],
  [' ', 'και το να για με από είναι δεν που στο ένα αυτό όταν άνθρωπος ζωή κόσμος ημέρα χρόνος θάλασσα ουρανός ιστορία γλώσσα'],
  [' ', 'في من على إلى هذا كان التي الذي كل بعد يوم سنة عمل كتاب مدينة بيت طريق ماء سماء لغة تاريخ سؤال جواب حكومة'],
  [' ', 'של את על הוא היא לא עם כל זה יום בית ספר עיר דרך מים שמים שפה שאלה תשובה היסטוריה'],
  [' ', 'है में के की से को और यह वह पर नहीं एक समय घर पानी किताब शहर रास्ता भाषा इतिहास सवाल जवाब सरकार विकास'],
  [' ', '이 그 저 것 수 있다 없다 하다 사람 시간 물 집 학교 도시 길 언어 역사 질문 대답 정부 발전 가능성'],
  ['', '的 一 是 不 了 人 我 在 有 他 这 中 大 来 上 国 个 到 说 们 为 子 和 你 地 出 道 也 时 年 得 就 那 要 下 以 生 会 自 着 去 之 过 家 学 对 可 她 里 后 小 么 心 多 天 而 能 好 都 然 没 日 于 起 还 发 成 事 只 作 当 想 看 文 无 开 手 十 用 主 行 方 又 如 前 所 本 见 经 头 面 公 同 三 已 老 从 动 两 长'],
  ['', 'これ は それ の が に を と で も から まで 日本 言語 時間 人間 学校 東京 電車 水 空 海 山 する ある いる なる 行く 来る 見る 食べる 話す コンピュータ データ モデル'],
  ['', 'การ ที่ และ ใน เป็น ของ มี ได้ ไม่ จะ คน วัน น้ำ บ้าน เมือง ถนน ภาษา หนังสือ คำถาม คำตอบ'],
  [' ', '😀 🎉 👍🏽 ❤️ 🚀 ✅ — … “” €25 №7 ½ 3²'],
];
