// Sphinx's own scores, and one rule: what DAG authors do not import comes last.
const INSIDE = /^(design|changing|reference\/(bases|triggers|values|plugin|emulator-classes))$/;
var Scorer = {
  score: ([docname, , , , score]) => (INSIDE.test(docname) ? score - 100 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
