const BEGIN = "<!-- bench:begin, written by `npm run bench -- --docs` -->";
const END = "<!-- bench:end -->";

/** The text with what stands between the two marks replaced. Throws if the marks are not there. */
export function replaceGenerated(text: string, section: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md needs the lines\n${BEGIN}\n${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${text.slice(end)}`;
}
