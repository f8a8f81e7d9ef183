// Options of the commands about a model: queries, info, sample, convert, fit, draw; and those that
// others share.

#include "option_groups.hpp"

namespace credo::cli {

void add_model(OptionList& list, Arguments& a) {
  list.add("model", a.model, "MODEL", "Model file, or - for standard input").required();
  list.add("--from", a.from, "FORMAT", "Format of the model: uai, bif, xmlbif, net or json")
      .add("--encoding", a.encoding, "NAME", "Of names that are not UTF-8: latin1, gbk, ...")
      .add_flag("--as-markov", a.as_markov, "UAI: tables of a BAYES file as they stand");
}

void add_budget(OptionList& list, EngineArguments& e) {
  list.add("--time-limit", e.time_limit_seconds, "S", "Answer within so many seconds")
      .add("--memory-limit", e.memory_limit, "SIZE", "As in 8GiB [80 % of what is free]")
      .add("--threads", e.threads, "N", "Threads")
      .add("--seed", e.seed, "N", "Seed");
}

void add_output(OptionList& list, OutputArguments& o, const char* formats) {
  list.add("-o,--output", o.path, "FILE", "Output file [standard output]");
  if (formats != nullptr) list.add("--format", o.format, formats, "Output format [the first]");
  add_quiet(list, o);
}

void add_quiet(OptionList& list, OutputArguments& o) {
  list.add_flag("--quiet", o.quiet, "No progress and no remarks")
      .add_flag("--no-progress", o.no_progress, "No progress on standard error");
}

void add_trace(OptionList& list, OutputArguments& o) {
  list.add("--trace", o.trace_path, "FILE", "The run's plan, messages and progress as JSON");
}

namespace {

void add_evidence(OptionList& list, EvidenceArguments& e) {
  list.add("--evid", e.file, "FILE", "UAI evidence file: n var state ...")
      .add("--set", e.settings, "NAME=STATE",
           "Hard evidence by name, repeatable; x=1.5 or x=1,2 where x is continuous")
      .add("--likelihood", e.likelihoods, "NAME=v1,v2,...", "Soft evidence by name, repeatable");
}

void add_engine(OptionList& list, EngineArguments& e) {
  list.add("--algorithm", e.algorithm, "NAME", "Algorithm, or auto");
  add_budget(list, e);
}

/// Of belief propagation.
void add_iteration(OptionList& list, EngineArguments& e) {
  list.add("--schedule", e.schedule, "NAME", "Messages: auto, sequential, parallel or residual")
      .add("--damping", e.damping, "D", "Messages: share of the old one kept, below 1 [0]")
      .add("--tolerance", e.tolerance, "E", "Messages: converged at so few nats [1e-9]")
      .add("--iterations", e.iterations, "N", "Messages: at most so many sweeps [1000]");
}

void add_target(OptionList& list, Arguments& a) {
  list.add("-o,--output", a.output.path, "FILE", "Output file").required();
  list.add("--to", a.to, "FORMAT", "Format of the output [by extension]");
}

void add_fit(OptionList& list, Arguments& a) {
  FitArguments& f = a.fit;
  list.add("--data", f.data, "FILE", "Comma-separated states under names; empty or ?: missing")
      .required();
  add_target(list, a);
  list.add("--prior", f.prior, "NAME",
           "Added counts: none (maximum likelihood), per-entry or bdeu (shared by a table)")
      .add("--strength", f.strength, "C", "How many are added")
      .add("--restarts", f.restarts, "N",
           "Starts where values are missing; the first: MODEL's [8 with hidden variables, else 1]");
  add_budget(list, a.engine);
  list.add("--format", a.output.format, "text|json",
           "Format of the report on standard output [the first]");
  add_quiet(list, a.output);
}

void add_answer(OptionList& list, Arguments& a) {
  add_evidence(list, a.evidence);
  add_engine(list, a.engine);
  if (a.command == Command::info) {
    add_output(list, a.output, "text|json");
    return;
  }
  if (a.command == Command::sample) {
    list.add("-n", a.sample_count, "N", "Number of samples").required();
    add_output(list, a.output, "csv|json");
  } else {
    add_output(list, a.output, "text|json|uai");
  }
  add_trace(list, a.output);
  if (a.command == Command::pr || a.command == Command::mar || a.command == Command::map) {
    add_iteration(list, a.engine);
  }
  if (a.command == Command::map) {
    list.add("--k-best", a.k_best, "K", "Number of assignments, best first");
  }
  if (a.command == Command::mmap) {
    list.add("--query", a.query_file, "FILE", "UAI query file: n var ...").required();
  }
}

}  // namespace

void add_query_options(OptionList& list, Arguments& a) {
  add_model(list, a);
  switch (a.command) {
    case Command::convert:
      add_target(list, a);
      list.add_flag("--quiet", a.output.quiet, "No remarks");
      return;
    case Command::fit:
      add_fit(list, a);
      return;
    case Command::draw:
      add_output(list, a.output, "dot|svg|png");
      list.add_flag("--plan", a.draw_plan, "Draw the plan of exact inference, not the model");
      add_evidence(list, a.evidence);
      return;
    default:
      add_answer(list, a);
  }
}

}  // namespace credo::cli
