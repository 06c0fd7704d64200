import { expect, test } from "vitest";
import { preferred, speaker } from "../src/words";
import { en } from "../src/words/en";
import { ja } from "../src/words/ja";
import { zh } from "../src/words/zh";

test("every language says everything, with the same blanks", () => {
  const blanks = (text: string): string[] => [...new Set(text.match(/\{\d\}/g))].sort();
  for (const words of [zh, ja]) {
    expect(Object.keys(words)).toEqual(Object.keys(en));
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      expect(words[key].trim(), key).not.toBe("");
      expect(blanks(words[key]), key).toEqual(blanks(en[key]));
    }
  }
});

test("the browser's languages are followed", () => {
  expect(preferred(["fr", "ja-JP", "en"])).toBe("ja");
  expect(preferred(["zh-Hant-TW"])).toBe("zh");
  expect(preferred(["fr"])).toBe("en");
  expect(preferred([])).toBe("en");
});

test("blanks are filled in", () => {
  expect(speaker("en")("making", 3, 9)).toBe("Making 3 of 9");
});
