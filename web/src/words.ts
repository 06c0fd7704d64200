/** The page's words in the visitor's language. */

import { en, type Words } from "./words/en";
import { ja } from "./words/ja";
import { zh } from "./words/zh";

export const LANGUAGES = { en: "English", zh: "中文", ja: "日本語" } as const;
export type Language = keyof typeof LANGUAGES;
export type Word = keyof Words;

const ALL: Record<Language, Words> = { en, zh, ja };

/** A label, or its value, as people write it: hair_colour is hair colour. */
export const plain = (name: string): string => name.replaceAll("_", " ");

/** The language to begin with: the first of the browser's that the page has. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    const short = language.slice(0, 2).toLowerCase();
    if (short in ALL) return short as Language;
  }
  return "en";
}

/** Return a function that says things in a language; {0}, {1} are filled in. */
export function speaker(language: Language): (word: Word, ...values: (string | number)[]) => string {
  const words = ALL[language];
  return (word, ...values) => words[word].replace(/\{(\d)\}/g, (_, i) => String(values[Number(i)] ?? ""));
}
