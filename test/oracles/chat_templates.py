"""Conversations written by transformers' apply_chat_template with templates in the manner of well-known models.

    pip install transformers tokenizers jinja2
    python chat_templates.py > chat_templates.json

The templates are written for this test: each uses what templates on the hub use (loops and their variables, namespaces,
macros, filters, tests, slices, white space control, refusals). A row with `error` is a conversation that the template refuses.
"""
import json
import sys

import transformers
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

USER = {"role": "user", "content": "What is 2 + 2?  "}
ANSWER = {"role": "assistant", "content": " It is **4**.\n"}
AGAIN = {"role": "user", "content": "And \"3\" + <3> & 'ü' — 猫 🙂?"}
SYSTEM = {"role": "system", "content": "Be brief.\nBe kind."}
CHATS = {
    "one turn": [USER],
    "with a system prompt": [SYSTEM, USER],
    "three turns": [USER, ANSWER, AGAIN],
    "system and three turns": [SYSTEM, USER, ANSWER, AGAIN],
    "two users in a row": [USER, AGAIN],
    "an empty turn": [{"role": "user", "content": ""}],
}
TEMPLATES = {
    "chatml": (
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "chatml with a default system prompt": (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "headers": (
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
        "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    "instructions in brackets": (
        "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content'] %}\n"
        "    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n{%- endif %}\n"
        "{{- bos_token }}\n{%- for message in loop_messages %}\n"
        "    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\n"
        "        {{- raise_exception('turns must alternate') }}\n    {%- endif %}\n"
        "    {%- if message['role'] == 'user' %}\n"
        "        {%- if loop.last and system_message is defined %}\n"
        "            {{- '[INST] ' + system_message + '\n\n' + message['content'] + '[/INST]' }}\n"
        "        {%- else %}\n            {{- '[INST] ' + message['content'] + '[/INST]' }}\n        {%- endif %}\n"
        "    {%- elif message['role'] == 'assistant' %}\n        {{- ' ' + message['content'] + eos_token }}\n"
        "    {%- else %}\n        {{- raise_exception('no such role') }}\n    {%- endif %}\n{%- endfor %}\n"
    ),
    "turns": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
        "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
    ),
    "namespaces, macros, filters": (
        "{%- set ns = namespace(system='', count=0) -%}\n"
        "{%- macro turn(role, text) -%}\n<{{ role | upper }}>{{ text | trim | replace('\n', ' / ') }}</{{ role | upper }}>\n{%- endmacro -%}\n"
        "{%- for message in messages -%}\n  {%- if message.role == 'system' -%}\n    {%- set ns.system = message.content -%}\n"
        "  {%- else -%}\n    {%- set ns.count = ns.count + 1 -%}\n  {%- endif -%}\n{%- endfor -%}\n"
        "{%- if ns.system -%}\n({{ ns.system | length }}:{{ ns.system.split('\n') | join('|') }})\n{%- endif -%}\n"
        "{%- for message in messages if message.role in ['user', 'assistant'] -%}\n  {{- turn(message.role, message.content) }}\n"
        "  {{- '' if loop.last else ';' }}\n{%- endfor -%}\n"
        "{{- ' n=' ~ ns.count }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}\n"
        "{{- ' And' if messages[-1]['content'].strip().startswith('And') else ' .' }}{{ messages | map(attribute='role') | join(',') }}"
    ),
    "indented blocks": (
        "{% for message in messages %}\n    {% if message['role'] == 'user' %}\nUser: {{ message['content'] }}\n"
        "    {% elif message['role'] == 'assistant' %}\nModel: {{ message['content'] }}{{ eos_token }}\n"
        "    {% else %}\n# {{ message['content'] | tojson }}\n    {% endif %}\n{% endfor %}\n"
        "{% if add_generation_prompt %}\nModel:{% endif %}"
    ),
    "last turn apart": (
        "{% for m in messages[:-1] %}{{ loop.index }}/{{ loop.length }} {{ m.role.capitalize() }}: {{ m['content'].rstrip() }}\n{% endfor %}"
        "{% if messages|length > 1 and not messages[-1].content %}{{ 'nothing' }}{% else %}{{ messages[-1].get('content', '')[::-1] }}{% endif %}"
        "{% for i in range(2) %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}{{ (messages | first)['role'] | title }}"
    ),
}


def main() -> None:
    rows = []
    for template_name, template in TEMPLATES.items():
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.BPE()), chat_template=template, bos_token="<s>", eos_token="</s>"
        )
        for chat_name, messages in CHATS.items():
            row = {"template": template_name, "chat": chat_name}
            try:
                row["text"] = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            except Exception as error:  # jinja's TemplateError of raise_exception
                row["error"] = str(error)
            rows.append(row)
    json.dump(
        {"made_by": "chat_templates.py", "transformers": transformers.__version__, "templates": TEMPLATES, "chats": CHATS, "rows": rows},
        sys.stdout, ensure_ascii=False, indent=1,
    )


if __name__ == "__main__":
    main()
