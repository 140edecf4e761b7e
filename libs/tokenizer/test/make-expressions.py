"""Makes expressions.json: how the `tokenizers` library 0.23.2 cuts texts with regular expressions. `python3 make-expressions.py`."""
import json
import os
from tokenizers import Regex, pre_tokenizers, __version__

TEXTS = [
    'a\na\r\naB\u2028abca.aab\n', 'ABC abc s\u017fkK\u212a', 'a\n', '\n\n', 'xab]b-c\\d{,} a/b', '日本 ひらカナ 漢',
    'x²½ é e\u0301\u0302 e', '[a] {a} 😀😁😂a', '\u01c5\u01c6\u01c4 σςΣ', '  a  b\t\tc\n d', "'s 'S '\u017f '\u017fa 'lL're 'K'\u212a", 'Hello, world(foo)|x 12… b]c',
]
EXPRESSIONS = r'''
^a ; a$ ; ^ ; $ ; ^$ ; a. ; (?m:a.) ; \Aa ; a\z ; a\Z ; \Z ; (?i)A ; (?i:sK) ; (?i)[a-z] ; (?i)[^a-c] ; (?i)ǆ ; (?i)σ
[[:alpha:]]+ ; [^[:space:]]+ ; [[:^punct:]x]+ ; [[:punct:]] ; [[:word:]]+ ; \w+ ; \W+ ; [^\W\d_]+ ; \R ; \h+ ; [^\S\n]+
(?>a|ab)c ; a++b ; a++a ; a?+ab ; [ab]*+b ; (a|b)++ ; \x{61} ; \x61\x62 ; \101 ; \u0061 ; [a-c&&b-d] ; [a-z&&[^aeiou]] ; [a-c[^x]]
\ba ; a\b ; \Bb ; \b ; \p{Alpha}+ ; \p{^L} ; \P{L}+ ; \p{Lu} ; \p{han} ; (?<n>a)\k<n> ; (a)\1 ; (?>a)(b)\1? ; (?x) a  b # no
a(?i)b|c ; (a(?i)b|c)d ; a{2}? ; a{1,2}+ ; a{,2} ; a{ ; a** ; a?? ; (?=a) ; (?<=a)b ; (?<!a)b ; (?#no)a ; \N+ ; []a] ; [a-] ; [a-c-e] ; [\w-]
[^(\s|[.,!?…])]+ ; a* ; |a ; (?:^a)+
'''.strip().replace('\n', ' ; ').split(' ; ')

# Those of real vocabularies, for which there are splitters written by hand.
SHORT_FORMS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r'|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+'
EXPRESSIONS += [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", SHORT_FORMS + WORDS, SHORT_FORMS + WORDS.replace('{1,3}', ''),
]


def pieces(expression, text, behavior):
    return [piece for piece, _ in pre_tokenizers.Split(Regex(expression), behavior).pre_tokenize_str(text)]


def main():
    rows = [[one, [pieces(one, text, 'isolated') for text in TEXTS], [pieces(one, text, 'contiguous') for text in TEXTS]] for one in EXPRESSIONS]
    origin = f'tokenizers {__version__} (Rust, through its Python binding): Split, isolated and contiguous'
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'expressions.json')
    with open(path, 'w', encoding='utf8') as file:
        file.write('{"origin": %s,\n"texts": %s,\n"rows": [\n' % (json.dumps(origin), json.dumps(TEXTS, ensure_ascii=True)))
        file.write(',\n'.join(json.dumps(row, ensure_ascii=True, separators=(',', ':')) for row in rows))
        file.write('\n]}\n')


main()
