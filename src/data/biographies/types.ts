/** @file What a biography is: a person's text, the field they are known for, their gender; natural or counterfactual. */

export type Gender = 'female' | 'male';
export const genders: readonly [Gender, Gender] = ['male', 'female'];

export interface Biography {
  /** Of the person: a counterfactual keeps it. */
  readonly id: string;
  /** '' where the source does not tell it. */
  readonly name: string;
  readonly text: string;
  /** A few words on who it is, '' where the source has none. */
  readonly description: string;
  readonly field: string;
  readonly gender: Gender;
  /** False when rules made the text from that of the same person (`swapGender`). */
  readonly natural: boolean;
}

/** People of a source whose gender could be told. */
export interface Biographies {
  readonly people: readonly Biography[];
  readonly fields: readonly string[];
  /** People left out since their gender is not clear. */
  readonly unclear: number;
  /** Where they came from, for people. */
  readonly source: string;
  /** What has to be said wherever a text is shown. */
  readonly attribution: string;
}
