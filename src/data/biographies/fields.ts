/**
 * @file Rules that read a person's field off the short description: words by field; the first word that is known decides,
 * so that a "French philosopher and writer" belongs to thought.
 */

/** Words in the singular; what matches none belongs to `other`. Years in brackets are no part of a description. */
export const fieldWords: Readonly<Record<string, string>> = {
  arts: `actor actress singer songwriter songwriting musician composer painter sculptor artist architect filmmaker pianist
    conductor dancer choreographer photographer guitarist violinist cellist saxophonist tenor soprano baritone animator
    illustrator printmaker cartoonist comedian comedy rapper band designer director entertainer jazz muralist
    calligrapher puppeteer luthier hip-hop film pop`,
  writing: `writer poet novelist playwright author dramatist essayist journalist tragedian satirist screenwriter lyricist
    critic fabulist diarist`,
  science: `mathematician physicist chemist astronomer biologist scientist naturalist botanist engineer inventor physician
    geologist zoologist physiologist biochemist microbiologist paleontologist statistician geneticist surgeon geographer
    psychologist economist logician anatomist crystallographer oceanographer anthropologist sociologist polymath
    linguist neuroscientist climatologist agronomist ornithologist psychiatrist psychoanalyst geometer archaeologist
    virologist ecologist primatologist ethologist astrophysicist geochemist`,
  rule: `king queen emperor empress pharaoh sultan president minister caliph ruler tsar shah shahanshah khan duke prince
    princess statesman stateswoman politician monarch dictator chancellor leader governor emir chieftain doge viceroy
    regent premier senator shogun chairman revolutionary knyaz chhatrapati khedive inca tlatoani hetman`,
  sport: `player footballer athlete boxer gymnast swimmer cyclist golfer cricketer runner skater sprinter chess skier
    tennis basketball baseball hockey mountaineer wrestler racing`,
  thought: `philosopher theologian thinker jurist theorist mystic sage humanist`,
};

const fieldOfWord = new Map(
  Object.entries(fieldWords).flatMap(([field, words]) =>
    words.split(/\s+/).flatMap((word) => [[word, field] as const, [`${word}s`, field] as const]),
  ),
);

export const fields: readonly string[] = [...Object.keys(fieldWords), 'other'];

/** The field that a description tells. */
export function fieldOf(description: string): string {
  for (const [word] of description
    .replace(/\(.*/s, '')
    .toLowerCase()
    .matchAll(/\p{L}+(?:-\p{L}+)*/gu)) {
    // "Italian-French", "singer-songwriter": the parts are looked up when the whole is not known.
    for (const part of [word, ...word.split('-')]) {
      const field = fieldOfWord.get(part);
      if (field !== undefined) return field;
    }
  }
  return 'other';
}
