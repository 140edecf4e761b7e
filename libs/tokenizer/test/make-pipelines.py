"""
Makes pipelines.json: ids and decoded text by the `tokenizers` library 0.23.2, for every order of two and of three pre-tokenizers that cut or
rewrite text, and for files whose sections are easily read wrong. `python3 make-pipelines.py`.
"""
import itertools
import json
import os
from tokenizers import Tokenizer, __version__

# SentencePiece's map of the rules U+0010 to nothing, U+FF21 to a, U+FB01 to fi, a U+0301 to U+00E1, U+00AD to nothing, U+3000 to a space,
# U+2126 to U+03C9, xy to z (`spm_train --normalization_rule_tsv`).
MAP = (
    'AAQAAABEAAAQDQAAAAAAgMwYAgCBBQAACgAAgHkFAAAIAACArSkAAISUAgCmBQAADQAAgIAIAgABAACAgA0AAKx4AgCBCQAAoQkAAAUAAIADAACAFQAAABQAAAAXAAAAFg'
    'AAABkAAAAYAAAAGwAAABoAAAAdAAAAHAAAAB8AAAC8vAIAIQAAACAAAAAjAAAAIgAAACUAAAAkAAAAJwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAA'
    'ADEAAAAwAAAAMwAAADIAAAA1AAAANAAAADcAAAA2AAAAOQAAADgAAAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAE'
    'kAAABIAAAASwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEA'
    'AABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABmAAAAaQAAAHhYAABrAAAAagAAAG0AAABsAAAAbwAAAG4AAABh/AIAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAAdgAAAHkAAA'
    'B4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAACDAAAAggAAAIUAAACEAAAAhwAAAIYAAACJAAAAiAAAAIsAAACKAAAAjQAAAIwAAACPAAAAjgAAAJEAAACQ'
    'AAAAkwAAAJIAAACVAAAAlAAAAJcAAACWAAAAmQAAAJgAAACbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAKMAAACiAAAApQAAAKQAAACnAAAApgAAAKkAAACoAA'
    'AAqwAAAKoAAACtAAAArAAAAK8AAACuAAAAsQAAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AAAAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAA'
    'wwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADMAAAAzwAAAM4AAADRAAAA0AAAANMAAADC2AEA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2w'
    'AAANoAAADdAAAA3AAAAN8AAADeAAAA4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA6AAAAOsAAADqAAAA7QAAAOwAAADvAAAA7gAAAPEAAADwAAAA4/gB'
    'AOL4AQD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA73QBAP4AAAAAIABhAGZpAHoAw6EAz4kA'
)


def byte_alphabet():
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in kept else chr(next(others)) for byte in range(256)]


def bpe(merges, extra=(), **settings):
    """A vocabulary of the byte alphabet, some characters beyond it, and what the merges make."""
    entries = dict.fromkeys(['<unk>', *byte_alphabet(), ' ', '\u2581', *extra])
    for left, right in merges:
        entries[left + right[len(settings.get('continuing_subword_prefix') or ''):]] = None
    return {'type': 'BPE', 'unk_token': '<unk>', 'vocab': {entry: i for i, entry in enumerate(entries)}, 'merges': [list(merge) for merge in merges], **settings}


def whole(model, **sections):
    file = {'version': '1.0', 'truncation': None, 'padding': None, 'added_tokens': [], 'normalizer': None, 'pre_tokenizer': None, 'post_processor': None, 'decoder': None}
    return {**file, 'model': model, **sections}


def rows(file, texts):
    tokenizer = Tokenizer.from_str(json.dumps(file))
    result = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        result.append([text, ids, tokenizer.decode(ids, skip_special_tokens=False)])
    return result


BYTE_LEVEL = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
METASPACE = {'type': 'Metaspace', 'replacement': '\u2581', 'prepend_scheme': 'always', 'split': True}
STEPS = [
    BYTE_LEVEL,
    METASPACE,
    {'type': 'Punctuation', 'behavior': 'Contiguous'},
    {'type': 'Whitespace'},
    {'type': 'WhitespaceSplit'},
    {'type': 'BertPreTokenizer'},
    {'type': 'CharDelimiterSplit', 'delimiter': 'a'},
    {'type': 'Split', 'pattern': {'Regex': '[0-9][0-9][0-9]|\u2581|\u0120'}, 'behavior': 'MergedWithPrevious', 'invert': False},
]
MERGES = [('\u2581', 'b'), ('\u0120', 'b'), ('\u0120', '\u00c3'), ('\u00c3', '\u00bc'), ('b', 'e'), ('be', 'r'), ('1', '2'), ('\u00c2', '\u00bd'), ('.', '.'), ('\u00e2', '\u0138'), ('\u00e2\u0138', '\u0123')]
PAIR_TEXTS = ['a über..ber 1234 x\u00b2', '\u00bd\u2581b\n  b', '.,\u0120ab\u3000\u00fc!']
TRIPLE_TEXTS = ['\u00fcber.. 123b\u00bd\u2581ab']


def orders():
    model = bpe(MERGES, ['\u00b2', '\u3000'])
    for count, texts in ((2, PAIR_TEXTS), (3, TRIPLE_TEXTS)):
        for steps in itertools.permutations(range(len(STEPS)), count):
            file = whole(model, pre_tokenizer={'type': 'Sequence', 'pretokenizers': [STEPS[i] for i in steps]})
            yield [list(steps), [ids for _, ids, _ in rows(file, texts)]]


def words(*texts):
    return {'type': 'WordLevel', 'vocab': {text: i for i, text in enumerate(['<unk>', *texts])}, 'unk_token': '<unk>'}


def unigram(*pairs, **settings):
    return {'type': 'Unigram', 'unk_id': 0, 'vocab': [['<unk>', 0.0], *([text, score] for text, score in pairs)], **settings}


FIRST = {**METASPACE, 'prepend_scheme': 'first'}
THE = bpe([('\u2581', 't'), ('\u2581t', 'h'), ('\u2581th', 'e'), ('t', 'h')], ['ﬁ', 'ω', '\u0010'])
THE_TEXTS = ['\u0010the', '\u0010\u0010the the', 'the', ' the', '\u0010ﬁthe', 'ththe', '\u00adxythe', '']
LLAMA_DECODER = {'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '\u2581'}, 'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'}, {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]}
FALCON = {'type': 'Sequence', 'pretokenizers': [
    {'type': 'Punctuation', 'behavior': 'Contiguous'}, BYTE_LEVEL, {'type': 'Digits', 'individual_digits': False},
    {'type': 'Split', 'pattern': {'Regex': '[0-9][0-9][0-9]'}, 'behavior': 'Isolated', 'invert': False},
]}
BLOOM = {'type': 'Sequence', 'pretokenizers': [
    {'type': 'Split', 'pattern': {'Regex': ' ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+'}, 'behavior': 'Isolated', 'invert': False}, {**BYTE_LEVEL, 'use_regex': False},
]}


def named():
    yield 'Precompiled, then Metaspace first', whole(THE, normalizer={'type': 'Precompiled', 'precompiled_charsmap': MAP}, pre_tokenizer=FIRST), THE_TEXTS
    yield 'Replace by nothing, then Metaspace first', whole(THE, normalizer={'type': 'Replace', 'pattern': {'String': '\u0010'}, 'content': ''}, pre_tokenizer=FIRST), THE_TEXTS
    yield 'Replace of two characters, then Metaspace first', whole(THE, normalizer={'type': 'Replace', 'pattern': {'String': 'th'}, 'content': 't'}, pre_tokenizer=FIRST), THE_TEXTS
    yield 'Strip, then Metaspace first', whole(THE, normalizer={'type': 'Strip', 'strip_left': True, 'strip_right': True}, pre_tokenizer=FIRST), THE_TEXTS
    yield 'Metaspace first behind a cut', whole(THE, pre_tokenizer={'type': 'Sequence', 'pretokenizers': [{'type': 'Punctuation', 'behavior': 'Isolated'}, FIRST]}), ['the.the', '.the', ' the the']
    yield 'Prepend without Replace', whole(THE, normalizer={'type': 'Prepend', 'prepend': '\u2581'}), ['the the', ' the', '\u2581the', '']
    yield 'Metaspace with a mark of its own', whole(bpe([('_', 'a'), ('_a', 'b')]), pre_tokenizer={**METASPACE, 'replacement': '_'}, decoder={**METASPACE, 'replacement': '_'}), ['ab ab', '_ab', 'a\u2581b']
    yield 'Unigram, Metaspace, WhitespaceSplit', whole(unigram(('\u2581', -3.0), ('1', -2.0), ('\u25811', -2.5)), pre_tokenizer={'type': 'Sequence', 'pretokenizers': [{**METASPACE, 'split': False}, {'type': 'WhitespaceSplit'}]}), ['1', '1 1', '\t1']
    yield 'Falcon', whole(bpe([('\u00c3', '\u00bc'), ('b', 'e'), ('be', 'r'), ('\u00c2', '\u00bd'), ('\u00c2', '\u00b2'), ('1', '2'), ('12', '3')]), pre_tokenizer=FALCON, decoder=BYTE_LEVEL), ['über', '\u00bd', 'x\u00b2', '12345', '..! a', 'a\u0663']
    yield 'BLOOM', whole(bpe([('H', 'e'), ('\u0120', 'w')]), pre_tokenizer=BLOOM, decoder=BYTE_LEVEL), ['Hello, world(foo)|x 12\u2026 b]c', 'He\u3002w w']
    yield 'UnicodeScripts', whole(words('abc ', '\u65e5\u672c\u3072\u30ab\u30fc\u6f22 ', '123. ', '\u041f\u0440', '\u0301 ', 'x   '), pre_tokenizer={'type': 'UnicodeScripts'}), ['  abc \u65e5\u672c\u3072\u30ab\u30fc\u6f22 123. \u041f\u0440\u0301 x   ', '   ', 'abc abc']
    yield 'FixedLength', whole(words('ab\u00e9', '\U0001f600c', 'd'), pre_tokenizer={'type': 'FixedLength', 'length': 3}), ['ab\u00e9\U0001f600c', 'ab\u00e9d', 'd']
    yield 'a word looked up before its end is marked', whole(bpe([('a', 'b</w>')], ['b</w>', 'a</w>', 'ab'], end_of_word_suffix='</w>', ignore_merges=True), pre_tokenizer={'type': 'WhitespaceSplit'}), ['ab b a', 'aab']
    yield 'a merge that is there twice', whole({'type': 'BPE', 'vocab': {'a': 0, 'b': 1, 'c': 2, 'ab': 3, 'bc': 4}, 'merges': [['a', 'b'], ['b', 'c'], ['a', 'b']]}), ['abc', 'ab']
    yield 'merges with the unknown token', whole({'type': 'BPE', 'unk_token': '<unk>', 'vocab': {'<unk>': 0, 'a': 1, '<unk>a': 2}, 'merges': [['<unk>', 'a']]}), ['xya', 'xaya', '<unk>a']
    yield 'some bytes', whole({'type': 'BPE', 'unk_token': '<unk>', 'byte_fallback': True, 'fuse_unk': True, 'vocab': {'<unk>': 0, 'a': 1, '<0x78>': 2, '<0xC3>': 3, '<0xA9>': 4}, 'merges': []}, decoder=LLAMA_DECODER), ['xya', 'yyxa', '\u00e9ya', 'y\u00e9a', '\u00e8a']
    yield 'Unigram with some bytes', whole(unigram(('a', -1.0), ('b', -2.0), ('<0x78>', -3.0), byte_fallback=True)), ['axb', 'axyb', 'ayb', 'x']
    yield 'no unknown token', whole({'type': 'BPE', 'vocab': {'a': 0, 'b': 1, 'ab': 2}, 'merges': [['a', 'b']]}), ['axb', 'x', 'ab x']
    yield 'no decoder', whole(words('the', 'cat'), pre_tokenizer={'type': 'Whitespace'}), ['the cat', 'the dog']
    yield 'no decoder, bytes', whole(bpe([('\u0120', 'b')]), pre_tokenizer=BYTE_LEVEL), ['a b', '\u00e9']
    yield 'ByteLevel before the words are cut', whole(bpe([('\u0120', 'b')]), normalizer={'type': 'ByteLevel'}, pre_tokenizer={'type': 'WhitespaceSplit'}), ['a b', '\u00e9\u3000b']
    yield 'punctuation', whole(words('a', '!', '$', '\u061d', '\u166d'), pre_tokenizer={'type': 'BertPreTokenizer'}), ['a!a$', 'a\u061da', 'a\u166da', 'a\u00a0a']
    added = [{'id': 4, 'content': 'aa', 'single_word': False, 'lstrip': False, 'rstrip': True, 'normalized': False, 'special': False}, {'id': 5, 'content': ' b', 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': False}, {'id': 6, 'content': 'Xbc', 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': True, 'special': False}]
    yield 'added tokens that share text', whole(words('a', 'b', 'Xbc!'), pre_tokenizer={'type': 'WhitespaceSplit'}, added_tokens=added), ['aa ba', 'aa  b', 'X bc', 'Xbc', 'Xbc!', 'xXbc']
    yield 'an added token is no entry of the model', whole({'type': 'WordPiece', 'vocab': {'[UNK]': 0, 'a': 1, '##b': 2, 'ab': 3}, 'unk_token': '[UNK]', 'continuing_subword_prefix': '##', 'max_input_chars_per_word': 10}, pre_tokenizer={'type': 'WhitespaceSplit'}, added_tokens=[{'id': 4, 'content': 'abb', 'single_word': True, 'lstrip': False, 'rstrip': False, 'normalized': True, 'special': False}]), ['abb', 'abbb', 'abb_ abb']


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pipelines.json')
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(',', ':'))
    with open(path, 'w', encoding='utf8') as file:
        file.write('{"origin":%s,\n' % dump(f'tokenizers {__version__} (Rust, through its Python binding): ids, and text decoded without skipping special tokens'))
        file.write('"model":%s,\n"steps":%s,\n"pairTexts":%s,\n"tripleTexts":%s,\n' % tuple(map(dump, (bpe(MERGES, ['\u00b2', '\u3000']), STEPS, PAIR_TEXTS, TRIPLE_TEXTS))))
        file.write('"orders":[\n%s\n],\n' % ',\n'.join(dump(row) for row in orders()))
        file.write('"files":[\n%s\n]}\n' % ',\n'.join(dump({'name': name, 'json': one, 'rows': rows(one, texts)}) for name, one, texts in named()))


main()
