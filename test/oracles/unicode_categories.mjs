// The characters of each category that tokenizers ask for, by JavaScript: `node unicode_categories.mjs > cats.json`.
const categories = { Mn: /\p{Mn}/u, M: /\p{M}/u, C: /[\p{Cc}\p{Cf}\p{Co}]/u, P: /[!-/:-@[-`{-~\p{P}]/u };
const found = Object.fromEntries(Object.keys(categories).map((name) => [name, []]));
for (let code = 0; code < 0x110000; code++) {
  if (code >= 0xd800 && code < 0xe000) continue;
  for (const [name, category] of Object.entries(categories))
    if (category.test(String.fromCodePoint(code))) found[name].push(code);
}
console.log(JSON.stringify(found));
