"""Writes programs.json: what Python's Jinja2 makes of small templates with statements, set up as `transformers` does.

Run with Debian's python3-jinja2: python3 make-golden-programs.py > programs.json
"""
import copy
import datetime
import json
import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Raised(Exception):
    pass


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise Raised(message)


environment = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, Generation])
environment.filters["tojson"] = to_json
environment.globals["raise_exception"] = raise_exception
now = datetime.datetime(2026, 3, 7, 14, 5, 9)
environment.globals["strftime_now"] = now.strftime

variables = {
    "s": "Hello World", "e": "", "n": 7, "l": [3, 1, 2], "d": {"b": 1, "a": [1, 2.0, None, True], "items": "x"}, "none": None, "yes": True,
    "m": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo", "n": 2}, {"role": "user", "content": "Bye"}],
}

programs = [
    "{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% else %}e{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}e{% endfor %}",
    "{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}|{{ loop.nextitem }};{% endfor %}",
    "{% for x in l %}{{ loop.cycle('odd', 'even') }}{{ loop.depth }}{{ loop.depth0 }}{% for y in l %}{{ loop.depth }}{% endfor %}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 3] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|dictsort %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3)), (4, (5, 6))] %}{{ a }}{{ b }}{{ c }} {% endfor %}",
    "{% for c in 'héllo' %}{{ c }}-{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for x in range(3) %}{% for y in range(x) %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}never{% endfor %}",
    "{% for x in l %}{% break %}{% else %}else{% endfor %}",
    "{% set x = 1 %}{% for y in l %}{% set x = y %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for y in l %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b is defined }}{{ ns.b }}",
    "{% set ns = namespace({'q': 2}, r=3) %}{{ ns.q }}{{ ns.r }}{{ ns['q'] }}",
    "{% if yes %}{% set v = 1 %}{% endif %}{{ v }}",
    "{% if not yes %}{% set v = 1 %}{% endif %}{{ v is defined }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}",
    "{% set a, b = [1, 2, 3] %}{{ a }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set t %}x{{ n }}y{% endset %}{{ t }}{{ t|length }}",
    "{% set t | upper | trim %}  x{{ n }}y {% endset %}[{{ t }}]",
    "{% filter upper %}a{{ s }}{% endfilter %}",
    "{% filter replace('a', 'b') | indent(2) %}a\na\n{% endfilter %}",
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c=4) }}{{ f(c=1, a=2) }}",
    "{% macro f(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ f() }}",
    "{% macro f(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, z=4) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{% macro f(x, depth=0) %}{% if x is mapping %}{% for k, v in x.items() %}{{ '  ' * depth }}{{ k }}:\n{{ f(v, depth=depth + 1) }}{% endfor %}{% else %}{{ '  ' * depth }}{{ x }}\n{% endif %}{% endmacro %}{{ f({'a': {'b': 1, 'c': {'d': 2}}}) }}",
    "{% macro f() %}{{ caller() }}!{{ caller() }}{% endmacro %}{% call f() %}hi{% endcall %}",
    "{% macro f(l) %}{% for x in l %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) f(l) %}{{ i }}={{ x }};{% endcall %}",
    "{% macro f() %}a{% endmacro %}{{ f.name }}{{ f.arguments }}{{ f.catch_kwargs }}{{ f.catch_varargs }}{{ f.caller }}",
    "{% macro f() %}{% set v = 5 %}{{ v }}{% endmacro %}{{ f() }}{{ v is defined }}",
    "{% set v = 1 %}{% macro f() %}{{ v }}{% endmacro %}{% set v = 2 %}{{ f() }}",
    "{% macro f(a=n) %}{{ a }}{% endmacro %}{{ f() }}{{ f(none) }}",
    "{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(3) }}",
    "{% for x in l recursive %}{{ x }}{% if loop.depth0 == 0 and x == 3 %}({{ loop([7, 8]) }}){% endif %}{% endfor %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}",
    "{% with a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{% endwith %}",
    "{% raw %}{{ x }} {% if %}{% endraw %}!",
    "{%- raw -%}  {{ x }}  {%- endraw -%} a",
    "{# comment #}a{#- c -#} b",
    "a {#- {{ x }} -#} b",
    "{% if 0 %}a{% elif e %}b{% elif none %}c{% else %}d{% endif %}",
    "{% if x %}a{% endif %}{% if x is defined and x %}b{% endif %}",
    "  {% if yes %}\n  a\n  {% endif %}\n  b\n",
    "  {%- if yes -%}\n  a\n  {%- endif %}\n  b\n",
    "{% if yes %}\n\na\n{% endif %}\n\nb",
    "  {{ n }}\n  {{- n }}\n{{ n -}}\n  x",
    "a\n  {%+ if yes %}b{% endif %}",
    "{% if yes +%}\nb{% endif %}",
    "a {% set x = 1 %}\n b",
    "\t{% if yes %}\n\tb\n\t{% endif %}\nc",
    "{{ 'a' }}\n",
    "{{ 'a' }}\n\n",
    "a\r\nb\r\n{% if yes %}\r\nc{% endif %}\r\n",
    "{% for x in l %}\n  - {{ x }}\n{% endfor %}\nend",
    "{%- for x in l -%}\n  - {{ x }}\n{%- endfor -%}\nend",
    "{% for x in l -%}\n\n  {{ x }}\n{%- endfor %}",
    "{{- 'x' -}}   y   {{- 'z' -}}",
    "{% for m in m %}{{ m.role }}{% endfor %}{{ m[0].role }}",
    "{% for x in m[::-1] %}{{ x.content }}{% endfor %}",
    "{% for x in m %}{% set c = x['content'] + '!' %}{{ c }}{% endfor %}{{ c is defined }}",
    "{% for x in m | selectattr('role', 'equalto', 'user') %}{{ x.content }}{% endfor %}",
    "{% for role, group in m | groupby('role') %}{{ role }}:{{ group | map(attribute='content') | join(',') }};{% endfor %}",
    "{% for group in m | groupby('role') %}{{ group.grouper }}{{ group.list | length }}{% endfor %}",
    "{% for row in l | batch(2, 'x') %}{{ row | join('-') }};{% endfor %}",
    "{{ raise_exception('no ' ~ n) }}",
    "{% if m | length > 9 %}{{ raise_exception('x') }}{% endif %}ok",
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "{%- generation -%}  a  {%- endgeneration -%}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{% set x = c.reset() %}{{ c.current }}",
    "{% set j = joiner(', ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{% set l2 = [] %}{% for x in l %}{% set _ = l2.append(x * 2) %}{% endfor %}{{ l2 }}",
    "{% set d2 = {} %}{% for x in l %}{% set _ = d2.update({x: x * 2}) %}{% endfor %}{{ d2 }}",
    "{% set d2 = dict(d, z=1) %}{{ d2 | length }}",
    "{% set x = d.pop('b') %}{{ x }}{{ d }}",
    "{{ d.__class__ }}{{ ''.__class__.__mro__ }}",
    "{{ s.__len__() }}",
    "{% do l.append(1) %}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% block a %}x{% endblock %}",
    "{% import 'x' as y %}",
    "{% for x in n %}{% endfor %}",
    "{% for x in none %}{% endfor %}",
    "{% for x in undefinedthing %}a{% else %}b{% endfor %}",
    "{% for a, b in l %}{% endfor %}",
    "{% for a, b in ['xy', 'zw'] %}{{ b }}{{ a }}{% endfor %}",
    "{% for x in d.values() %}{{ x }};{% endfor %}",
    "{% for i in range(0, m|length, 2) %}{{ m[i].content }}{% endfor %}",
    "{% set parts = s.split(' ') %}{{ parts[0] }}/{{ parts[-1] }}/{{ parts | length }}",
    "{% set content = '<think>\nfoo\n</think>\n\nbar' %}{{ content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}|{{ content.split('</think>')[-1].lstrip('\n') }}",
    "{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%Y-%m-%d %H:%M:%S') }}|{{ strftime_now('%A, %B %-d, %y %j %p %I %U %w %% %e') }}",
    "{{ '%s' | format(n) }}{{ 'a' if yes }}{{ 'a' if not yes }}",
    "{{ (m | first).role }}{{ (m | last)['content'] }}{{ m | map(attribute='role') | list | tojson }}",
    "{{ m | tojson(indent=2) }}",
    "{{ m | tojson(indent=4, separators=(',', ':')) }}",
    "{{ {'a': [], 'b': {}, 'c': [[]]} | tojson(indent=2) }}",
    "{% set x = {'a': 1, 'b': [1, 2, {'c': none}]} %}{{ x }}{{ x | tojson }}{{ x | string }}",
    "{{ [1, 2.0, 'a', none, true, (1,), {'a': 'b'}] }}",
    "{{ [x] if x is defined else 'no' }}{{ (x | default([])) | length }}",
    "{{ x.y if x is defined else 'n' }}",
    "{{ d.b.c is defined }}{{ d.zz is defined }}{{ d['zz'] is defined }}",
    "{{ d.zz.y is defined }}",
    "{{ (d.zz or {}).get('y', 'none') }}",
    "{{ m[10] is defined }}{{ m[-10] is defined }}{{ m[0].zz is none }}{{ m[0].zz }}",
    "{% if 'a' in d and d['a'] is sequence and d['a'] is not string %}seq{% endif %}",
    "{% if m[0].content is string %}s{% elif m[0].content is iterable %}i{% endif %}",
    "{% if d is mapping and d.items is callable %}{{ d.items() | list | length }}{% endif %}",
    "{% set tools = none %}{% if tools %}t{% elif tools is not none %}u{% else %}v{% endif %}",
    "{% if tools is defined and tools is not none and tools | length > 0 %}a{% else %}b{% endif %}",
    "{% set _ = m.pop(0) if false else none %}{{ m | length }}",
    "{%- set x -%}\n  a\n{%- endset -%}[{{ x }}]",
    "{% set x = 'a\\nb' %}{{ x | indent(4, first=True) }}",
    "{{ 'line1\nline2'.split('\n') | join('|') }}{{ 'line1\\nline2' | replace('\\n', '|') }}",
    "{{ '\\t' }}|{{ '\\\\' }}|{{ '\\u4e2d' }}|{{ \"\\\"\" }}|{{ '\\'' }}",
    "{{ not x }}{{ not (x and y) }}{{ x or 'z' }}{{ (x and 'q') is defined }}",
    "{{ 1 if n == 7 and not e or none else 2 }}",
    "{{ n is odd and l is iterable }}{{ n is not none and n is number }}{{ not n is none }}",
    "{{ 'a' in ['a'] and 'b' not in ['a'] }}{{ not 'a' in 'abc' }}",
    "{{ -1 ** 2 }}{{ 2 * 3 + 4 // 3 - 5 % 3 }}{{ 1 + 2 ~ 3 + 4 }}{{ 'x' ~ 1 == 'x1' }}",
    "{{ l | map('string') | map('upper') | join }}{{ l | sort | reverse | join(',') }}",
    "{{ m | map(attribute='content') | map('length') | sum }}",
    "{{ m | selectattr('content', 'string') | map(attribute='role') | unique | sort | join(' ') }}",
    "{{ namespace(a=1) }}",
    "{{ range(3) | map('string') | list }}{{ range(10) | select('odd') | list }}{{ range(3) | reverse | list }}",
    "{{ '<b>' | e }}{{ '<b>' | safe }}{{ ('<' | e) ~ '<' }}{{ '<' ~ ('<' | e) }}",
    "{% trans %}x{% endtrans %}",
    "{{ n }}{% endif %}",
    "{% if n %}",
    "{{ n",
    "{% for x in l %}{% endif %}{% endfor %}",
    "{{ }}",
    "{% %}",
    "{{ 1 2 }}",
    "{{ a.1 }}{{ l.0 }}{{ m.0.role }}",
    "{{ d.a.1 }}",
    "{{ l[0:2] }}{{ l[:1] }}{{ l[::2] }}{{ s[-3:] }}{{ s[:-3] }}",
    "{% set x = 'ab' %}{% set x = x * 2 %}{{ x }}{% set x = [x] + ['c'] %}{{ x }}",
    "{% for x in l %}{% for x in 'ab' %}{{ x }}{% endfor %}{{ x }}{% endfor %}",
    "{% for x in l %}{% set outer = loop %}{% for y in 'ab' %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% macro a() %}[{{ b() }}]{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
    "{% macro a() %}{{ m | length }}{% for x in m %}{{ x.role }}{% endfor %}{% endmacro %}{{ a() }}",
    "{% macro a(x) %}{% set ns = namespace(v=x) %}{% set ns.v = ns.v + 1 %}{{ ns.v }}{% endmacro %}{{ a(1) | int + 1 }}{{ a(1) ~ a(2) }}{{ a(1) | trim | length }}",
    "{%- macro a(x) -%}\n  {{ x }}\n{%- endmacro -%}\n[{{ a('q') }}]",
    "{% macro a() %}  sp  {% endmacro %}[{{ a() | trim }}]{{ a().strip() == 'sp' }}",
    "{% if loop is defined %}x{% endif %}{% for x in l %}{% if loop is defined %}y{% endif %}{% endfor %}",
    "{% set x = (1, 'a') %}{{ x[0] }}{{ x }}{{ x | list }}",
    "{% set y = {'role': 'user', **{}} %}",
    "{{ [*l] }}",
    "{{ l | length is eq 3 }}{{ l | length == 3 and 'y' }}",
    "{{ foo() }}",
    "{{ n() }}",
    "{{ 5.0 }}{{ 5.50 }}{{ 1e3 }}{{ 10 / 2 }}{{ 7 / 2 | int }}{{ (7 / 2) | int }}",
    "{{ d | items | map('first') | join }}{{ d | items | list | first | last }}",
    "{{ m | map(attribute='content') | select('in', ['Hi', 'Bye']) | list }}",
    "{{ m | rejectattr('n', 'undefined') | list | length }}{{ m | selectattr('n', 'none') | list | length }}",
    "{{ 'x'.join(l | map('string')) }}{{ ', '.join(m | map(attribute='role') | list) }}{{ ', '.join(d) }}",
    "{{ s | batch(3) | map('join') | join('|') }}",
    "{%for x in l%}{{x}}{%endfor%}{%if yes%}y{%endif%}",
    "{% for x in (1, 2, 3) %}{{ x }}{% endfor %}{% for x in {'a': 1} %}{{ x }}{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% set x=1 %}{% set y = x if x else 2 %}{{ y }}{{ x if false }}{{ (x if false) | default('d') }}",
    "{{ (1, 2) == (1, 2) }}{{ {} == {} }}{{ [] == () }}{{ 'a' == \"a\" }}{{ none == none }}{{ 1 != 1.0 }}",
    "{{ '  a b ' | trim | replace(' ', '_') | upper }}{{ s | lower | capitalize }}{{ 'a.b' | replace('.', '\\n') }}",
    "{% set s2 = namespace(found=false) %}{% for x in m %}{% if not s2.found and x.role == 'assistant' %}{% set s2.found = true %}{{ loop.index0 }}{% endif %}{% endfor %}",
    "{% set last = m | selectattr('role', 'eq', 'user') | list | last %}{{ last.content }}{% set i = m.index(last) %}{{ i }}",
    "{{ m[0] == m[0] }}{{ m[0] == m[1] }}{{ m[0] in m }}{{ {'role': 'user', 'content': 'Hi'} in m }}",
    "{{ m[-2:] | length }}{{ m[1:] | map(attribute='role') | list }}{{ m[:-1] | length }}",
    "{{ (m | last).get('tool_calls') }}{{ (m | last).get('tool_calls', []) | length }}",
    "{{ 'true' if true else 'false' }}{{ true }}{{ false }}{{ none }}{{ True ~ None }}",
    "{{ true | string | lower }}{{ true | lower }}{{ none | lower }}{{ 1.0 | string }}",
    "{{ '\U0001f600' | length }}{{ '\U0001f600a'[1] }}{{ '\U0001f600a'[::-1] }}{{ '\U0001f600' * 2 }}{{ '\U0001f600' | upper }}",
    "{{ 'e\u0301' | length }}{{ '\u2028' | tojson }}{{ '\\x00' | tojson }}{{ '\\x7f' | tojson }}",
    "{{ {'k': 'v'}.items() | first }}{{ {'a': 1}.get('a') }}{{ {'a': 1}['a'] }}{{ {'a': 1}.a }}",
    "{{ {'a': 1} | tojson | length }}{{ ({'a': 1} | tojson) ~ 'x' }}{{ ({'a': 1} | tojson) + 'x' }}",
    "{{ 'a' < 'b' and 'b' < 'c' }}{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ l == [3, 1, 2] }}",
    "{% set arguments = '{\"a\": 1}' %}{% if arguments is string %}{{ arguments }}{% else %}{{ arguments | tojson }}{% endif %}",
    "{% for k in d | sort %}{{ k }}{% endfor %}{% for k in d.keys() | sort(reverse=true) %}{{ k }}{% endfor %}",
    "{% for x in l | sort(reverse=True) %}{{ x }}{% endfor %}{{ l }}",
    "{{ 'abc' | list }}{{ 'abc' | map('upper') | join('-') }}{{ 'cab' | sort | join }}{{ 'aab' | unique | join }}",
    "{{ [['a', 1], ['b', 2]] | map('first') | list }}{{ dict([['a', 1]]) }}{{ [1, 2] | zip | list }}",
    "{% set x %}{% for y in l %}{{ y }}{% endfor %}{% endset %}{{ x }}{{ x | int + 1 }}",
    "{% set k = 'role' %}{{ m[0][k] }}{{ m[0].get(k) }}{{ m | map(attribute=k) | list }}",
    "{{ m | map(attribute='content') | join('\n') | indent(2) }}",
    "{{ 'a\nb\n' | indent }}|{{ '\n\na' | indent(2) }}|{{ 'a\n\nb' | indent(2, true, true) }}",
    "{{ 'Hello'|replace('l','L',1) }}{{ 'x'|center(5)|length }}{{ 'abc'|truncate(2,true,'') }}",
    "{{ n // 2 }}{{ n % 2 == 0 }}{{ (n % 2 == 0) != (0 % 2 == 0) }}{{ loop_index is undefined }}",
    "{%- if (m[0]['role'] == 'user') != (0 % 2 == 0) -%}bad{%- else -%}good{%- endif -%}",
    "{%- set loop_messages = m[1:] if m[0]['role'] == 'system' else m -%}{{ loop_messages | length }}",
    "{% if m[0]['role'] == 'system' %}{% set system_message = m[0]['content'] %}{% set loop_messages = m[1:] %}{% else %}{% set loop_messages = m %}{% endif %}{{ system_message is defined }}{{ loop_messages | length }}",
    "{{ bos ~ 'x' if bos is defined else 'nob' }}{{ (bos | default('')) ~ 'y' }}",
    "{{ '' | default('a', true) }}{{ '' | default('a', boolean=true) }}{{ none | default('b') }}{{ none | default('b', true) }}{{ 0 | default(5, true) }}",
    "{% set ns = namespace(l=[]) %}{% for x in l %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(d={}) %}{% set _ = ns.d.update({'a': 1}) %}{{ ns.d }}",
    "{% set ns = {'a': 1} %}{% set ns.a = 2 %}{{ ns.a }}",
    "{% set undefinedns.a = 1 %}",
    "{{ [1,2,3] | sum(start=10) }}{{ [[1, 2], [3]] | sum(start=[]) }}",
    "{{ l | min }}{{ l | max }}{{ (l | max) + 1 }}{{ [n, 3] | min }}{{ ['b', 'A'] | max }}",
    "{{ 3 | string ~ 'x' }}{{ '3' | int + 4 }}{{ '3.7' | float | round | int }}{{ 3.14159 | round(2) }}",
    "{{ s is startingwith 'H' }}",
    "{{ 'abc' is in 'xabcx' }}{{ 1 is in l }}{{ 'q' is not in s }}",
    "{{ l is iterable }}{{ l is sequence }}{{ l is mapping }}{{ l is string }}{{ d is iterable }}{{ s is iterable }}",
]


def case(template):
    try:
        return {"template": template, "text": environment.from_string(template).render(**copy.deepcopy(variables))}
    except Raised as error:
        return {"template": template, "raised": str(error)}
    except Exception:
        return {"template": template, "fails": True}


print("{")
print(f'  "variables": {json.dumps(variables)},')
print('  "cases": [')
print(",\n".join("    " + json.dumps(case(template)) for template in programs))
print("  ]\n}")
