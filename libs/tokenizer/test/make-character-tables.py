"""
Makes src/hf/characters.table.ts: which characters the `tokenizers` library 0.23.2 takes for punctuation, numbers, marks, controls, and one
script, as its own tables of Unicode have them. `python3 make-character-tables.py`.
"""
import os
from tokenizers import normalizers, pre_tokenizers, __version__

WIDTH = 140
ALL = [cp for cp in range(0x110000) if not 0xD800 <= cp < 0xE000]


def base36(number):
    digits = ''
    while True:
        digits = '0123456789abcdefghijklmnopqrstuvwxyz'[number % 36] + digits
        number //= 36
        if number == 0:
            return digits


def runs(values):
    """[(first code point, length, value)] of neighbours with the same value."""
    result = []
    for cp, value in zip(ALL, values):
        if result and result[-1][2] == value and result[-1][0] + result[-1][1] == cp:
            result[-1][1] += 1
        else:
            result.append([cp, 1, value])
    return result


def removed_by(step):
    return [step(chr(cp)) in ('', []) for cp in ALL]


def numbers():
    step = pre_tokenizers.Digits(individual_digits=True)
    return [len(step.pre_tokenize_str('a' + chr(cp))) == 2 for cp in ALL]


def scripts():
    """A number for each script; none for characters of any."""
    step = pre_tokenizers.UnicodeScripts()
    examples = []
    values = []
    last = None
    for cp in ALL:
        text = chr(cp)
        if not step.pre_tokenize_str(text):
            values.append(None)
            continue
        if last is None or len(step.pre_tokenize_str(examples[last] + text)) > 1:
            last = next((i for i, one in enumerate(examples) if len(step.pre_tokenize_str(one + text)) == 1), None)
            if last is None:
                last = len(examples)
                examples.append(text)
        values.append(last)
    return values


def literal(text):
    lines = [text[i:i + WIDTH] for i in range(0, len(text), WIDTH)]
    return ' +\n'.join("  '%s'" % line for line in lines)


def coded(found):
    at = 0
    parts = []
    for first, length, value in found:
        parts.append('.'.join([base36(first - at), base36(length)] + ([] if value is True else [base36(value)])))
        at = first + length
    return ' '.join(parts)


def main():
    bert = {'clean_text': False, 'handle_chinese_chars': False, 'strip_accents': False, 'lowercase': False}
    tables = [
        ('PUNCTUATION', 'Characters that `Punctuation` and `BertPreTokenizer` cut out.', removed_by(pre_tokenizers.Punctuation('removed').pre_tokenize_str)),
        ('NUMBER', 'Characters that `Digits` cuts out.', numbers()),
        ('MARK', 'Characters that `StripAccents` removes.', removed_by(normalizers.StripAccents().normalize_str)),
        ('NONSPACING_MARK', 'Characters that `BertNormalizer` removes as accents.', removed_by(normalizers.BertNormalizer(**{**bert, 'strip_accents': True}).normalize_str)),
        ('CONTROL', 'Characters that `BertNormalizer` removes from text that it cleans.', removed_by(normalizers.BertNormalizer(**{**bert, 'clean_text': True}).normalize_str)),
        ('SCRIPT', 'Characters that `UnicodeScripts` keeps together, with a number for their script; all others go with what stands before them.', scripts()),
    ]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../src/hf/characters.table.ts')
    with open(path, 'w', encoding='utf8') as file:
        file.write(f'''/**
 * What the `tokenizers` library {__version__} takes for punctuation, numbers, marks, controls and one script: its tables are of other versions of
 * Unicode than the engine's. Made by `test/make-character-tables.py`. Runs of characters: how many come before, since the end of the last
 * run, and how many the run has, in base 36.
 */
''')
        for name, words, values in tables:
            found = [run for run in runs(values) if run[2] is not None and run[2] is not False]
            file.write(f'\n/** {words} */\nexport const {name}_RUNS =\n{literal(coded(found))};\n')


main()
