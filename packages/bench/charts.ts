import { POINTS } from "./case-lateness.ts";
import { EXECUTIONS } from "./case-throughput.ts";
import type { Measurement } from "./measurements.ts";
import { barChart, lineChart } from "./svg.ts";

/** A chart: the file beside docs/performance.md that holds it, what it shows in words, and the drawing. */
export type Chart = { file: string; alt: string; svg: string };

/** The part whose distribution is drawn, the first of these that was measured. */
const DRAWN_LATENESS = ["lateness-1000", "lateness-200", "lateness-idle"];
const GROWTH = ["p50", "p99", "p50 of finding and locking due jobs", "p99 from record to claim"];

/** The charts that can be drawn of these figures. */
export function chartsOf(cases: readonly Measurement[]): Chart[] {
  return [throughputChart(cases), latenessChart(cases), growthChart(cases)].filter(({ svg }) => svg !== "");
}

function throughputChart(cases: readonly Measurement[]): Chart {
  const found = cases.filter(({ name, metric }) => name === "throughput" && metric === EXECUTIONS);
  const bars = [...new Map(found.map(({ subject, value }) => [subject, { label: subject, value }])).values()];
  const title = "Empty executions, or empty jobs, a second";
  return { file: "performance-throughput.svg", alt: title, svg: barChart({ title, unit: "1/s", bars }) };
}

function latenessChart(cases: readonly Measurement[]): Chart {
  const part = DRAWN_LATENESS.find((name) => cases.some((figure) => figure.name === name));
  const found = cases.filter(({ name }) => name === part);
  const points = Object.keys(POINTS);
  const lines = [...new Set(found.map(({ subject }) => subject))].map((subject) => ({
    label: subject,
    values: points.map((metric) => valueIn(found, subject, metric)),
  }));
  const title = `How late executions begin, ${part ?? ""}`;
  return { file: "performance-lateness.svg", alt: title, svg: lineChart({ title, unit: "ms", points, lines }) };
}

function growthChart(cases: readonly Measurement[]): Chart {
  const found = cases.filter(({ name }) => name === "scale");
  const subjects = [...new Set(found.map(({ subject }) => subject))];
  const lines = GROWTH.map((metric) => ({
    label: metric in POINTS ? `${metric} until check begins` : metric,
    values: subjects.map((subject) => valueIn(found, subject, metric)),
  }));
  const title = "The same load among more and more jobs";
  const points = subjects.map((subject) => subject.replace("belfry with ", ""));
  return { file: "performance-growth.svg", alt: title, svg: lineChart({ title, unit: "ms", points, lines }) };
}

const valueIn = (figures: readonly Measurement[], subject: string, metric: string): number =>
  figures.find((figure) => figure.subject === subject && figure.metric === metric)?.value ?? Number.NaN;
