#include "learn_report.hpp"

#include "json_writer.hpp"
#include "text_table.hpp"

#include <credo/core/names.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/learning/curve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::cli {
namespace {

using control::Mdp;
using control::learning::CurvePoint;
using control::learning::PolicyWorth;
using control::learning::TableKind;

constexpr std::size_t kMostPolicyLines = 40;
/// Points of the curve whose episodes make the last mean.
constexpr std::size_t kLastPoints = 10;

std::string describe(double x) { return std::isnan(x) ? "-" : fmt::format("{:.6g}", x); }

std::string describe_question(const LearnReport& r) {
  const LearnArguments& l = r.arguments;
  const auto& facts = r.environment.facts();
  const std::string temperature = l.temperature
                                      ? fmt::format("{}", *l.temperature)
                                      : std::string(r.learner.name == "sac" ? "learned" : "1");
  return fmt::format(
      "{}: observations {}, actions {}\n{}, discount {}, temperature {}, {} prior\n"
      "{}, {}, seed {}\n\n",
      printable(l.environment), facts.observations.description(), facts.actions.description(),
      r.learner.name, l.discount, temperature, l.prior, counted(r.answer.run.steps, "step"),
      counted(r.answer.run.episodes, "episode"), r.seed);
}

/// Mean return of the episodes that ended last.
struct LastEpisodes {
  double mean_return = 0.0;
  double mean_length = 0.0;
  std::size_t episodes = 0;
};

LastEpisodes last_episodes(const std::vector<CurvePoint>& curve) {
  LastEpisodes last;
  const std::size_t first = curve.size() - std::min(curve.size(), kLastPoints);
  for (std::size_t i = first; i < curve.size(); ++i) {
    const std::size_t ended = curve[i].episodes - (i == 0 ? 0 : curve[i - 1].episodes);
    if (ended == 0) continue;
    last.episodes += ended;
    const double share = static_cast<double>(ended) / static_cast<double>(last.episodes);
    last.mean_return += share * (curve[i].mean_return - last.mean_return);
    last.mean_length += share * (curve[i].mean_length - last.mean_length);
  }
  return last;
}

std::string comparison_text(const LearnReport& r) {
  TextTable table;
  const auto& exact = *r.reference;
  const PolicyWorth learned = exact.worth_of(r.answer.policy);
  PolicyWorth best;
  if (exact.ok()) best = exact.worth_of(exact.policy());
  table.add_row({"", "learned", "exact", ""});
  table.add_row({"value", describe(learned.bound), describe(best.bound),
                 "reward less the price of leaving the prior, discounted, mean over the start"});
  table.add_row({"expected return", describe(learned.expected_return),
                 describe(best.expected_return), "reward alone"});
  if (exact.ok() && !r.answer.action_value.empty()) {
    const double error = exact.error_of(r.answer.action_value, TableKind::action_value);
    table.add_row({"error of Q", describe(error), "0", "largest, where one can get"});
  }
  if (exact.ok()) {
    table.add_row({"error of pi", describe(exact.error_of(r.answer.policy, TableKind::policy)), "0",
                   "largest, where one can get"});
  }
  return table.render() + (exact.ok() ? "" : fmt::format("no exact answer: {}\n", exact.message()));
}

void write_rows(JsonWriter& json, std::string_view name, const std::vector<double>& values,
                std::size_t columns) {
  json.key(name);
  if (values.empty()) {
    json.null();
    return;
  }
  json.begin_array();
  for (std::size_t i = 0; i < values.size(); i += columns) {
    json.value(std::span<const double>(values).subspan(i, columns));
  }
  json.end_array();
}

void write_curve(JsonWriter& json, const std::vector<CurvePoint>& curve) {
  json.key("curve").begin_array();
  for (const CurvePoint& p : curve) {
    json.begin_object(true).field("steps", p.steps).field("episodes", p.episodes);
    json.field("mean_return", p.mean_return).field("mean_length", p.mean_length);
    json.field("loss", p.loss).field("error", p.error).end_object();
  }
  json.end_array();
}

void write_reference(JsonWriter& json, const LearnReport& r) {
  json.key("reference");
  if (r.reference == nullptr) {
    json.null();
    return;
  }
  const auto& exact = *r.reference;
  const PolicyWorth learned = exact.worth_of(r.answer.policy);
  json.begin_object().field("message", exact.ok() ? "ok" : exact.message());
  json.field("learned_value", learned.bound);
  json.field("learned_expected_return", learned.expected_return);
  if (exact.ok()) {
    const PolicyWorth best = exact.worth_of(exact.policy());
    json.field("value", best.bound).field("expected_return", best.expected_return);
    json.field("action_value_error",
               exact.error_of(r.answer.action_value, TableKind::action_value));
    json.field("policy_error", exact.error_of(r.answer.policy, TableKind::policy));
  }
  json.end_object();
}

}  // namespace

std::string learn_text(const LearnReport& r) {
  std::string text = describe_question(r);
  const LastEpisodes last = last_episodes(r.answer.run.curve);
  if (last.episodes > 0) {
    text += fmt::format("last {} episodes: mean return {:.6g}, {:.4g} steps\n", last.episodes,
                        last.mean_return, last.mean_length);
  }
  for (const auto& [name, value] : r.answer.figures) {
    text += fmt::format("{}: {}\n", name, describe(value));
  }
  const Mdp* const mdp = r.environment.process();
  if (mdp == nullptr || r.answer.policy.empty()) return text;
  if (r.reference != nullptr) text += fmt::format("\n{}", comparison_text(r));
  if (mdp->layout() || mdp->state_count() <= kMostPolicyLines) {
    text += fmt::format("\n{}", control::policy_text(*mdp, r.answer.policy));
  }
  return text;
}

std::string learn_json(const LearnReport& r) {
  JsonWriter json;
  const LearnArguments& l = r.arguments;
  const auto& run = r.answer.run;
  json.begin_object().field("task", "learn").field("environment", l.environment);
  json.field("method", r.learner.name).field("status", status_name(run.status));
  json.field("message", run.message).field("seed", r.seed);
  json.field("steps", run.steps).field("episodes", run.episodes);
  json.field("discount", l.discount).key("temperature");
  l.temperature || r.learner.name != "sac" ? json.value(l.temperature.value_or(1.0)) : json.null();
  json.field("prior", l.prior).field("elapsed_seconds", run.elapsed_seconds);
  const std::size_t actions = r.environment.facts().actions.count;
  write_rows(json, "policy", r.answer.policy, actions);
  write_rows(json, "action_value", r.answer.action_value, actions);
  if (!r.answer.value.empty()) json.field("value", r.answer.value);
  json.key("figures").begin_object();
  for (const auto& [name, value] : r.answer.figures) json.field(name, value);
  json.end_object();
  write_reference(json, r);
  write_curve(json, run.curve);
  json.end_object();
  return json.take();
}

std::string learn_curve(const LearnReport& r, const std::string& path) {
  const auto& curve = r.answer.run.curve;
  if (path.ends_with(".csv")) return control::learning::curve_csv(curve);
  const std::string title = fmt::format("{}, {}", r.arguments.environment, r.learner.name);
  const auto line = control::learning::return_line("", curve);
  return control::learning::chart_svg({.title = title}, std::span(&line, 1));
}

}  // namespace credo::cli
