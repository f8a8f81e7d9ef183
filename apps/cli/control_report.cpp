#include "control_report.hpp"

#include "json_writer.hpp"
#include "text_table.hpp"
#include "trace.hpp"

#include <credo/core/names.hpp>
#include <credo/models/control/drawing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::cli {
namespace {

using control::ControlSolution;
using control::Mdp;
using control::Method;

void write_rows(JsonWriter& json, const std::vector<double>& values, std::size_t columns) {
  json.begin_array();
  for (std::size_t i = 0; i < values.size(); i += columns) {
    json.value(std::span<const double>(values).subspan(i, columns));
  }
  json.end_array();
}

void write_question(JsonWriter& json, const Mdp& mdp, const ControlSolution& s,
                    const ControlArguments& c) {
  json.field("task", "control").field("environment", c.environment);
  json.field("method", method_name(s.method)).field("status", status_name(s.status));
  json.field("message", s.message).field("guarantee", guarantee_name(s.guarantee));
  json.field("certificate", s.certificate).field("algorithm", s.algorithm_used);
  json.field("temperature", c.temperature);
  if (s.method == Method::risk) {
    json.field("rho", s.rho).field("breakdown", s.breakdown);
  }
  json.field("prior", c.prior).key("horizon");
  c.horizon ? json.value(*c.horizon) : json.null();
  json.field("discount", c.discount.value_or(mdp.discount()));
  json.field("states", mdp.state_count()).field("actions", mdp.action_count());
}

void write_values(JsonWriter& json, const ControlSolution& s, const ControlArguments& c) {
  json.key("value");
  s.ok() ? json.value(s.value()) : json.null();
  if (c.all_values && s.ok()) {
    json.key("values").begin_array();
    for (const auto& value : s.values) {
      json.value(value);
    }
    json.end_array();
  }
  json.field("initial_value", s.initial_value).key("policy");
  if (s.ok()) {
    write_rows(json, s.policy(), s.actions);
  } else {
    json.null();
  }
}

void write_plans(JsonWriter& json, const ControlSolution& s) {
  if (s.trajectory) {
    json.key("trajectory").begin_object().field("states", s.trajectory->states);
    json.field("actions", s.trajectory->actions);
    json.field("log_weight", s.trajectory->log_weight).end_object();
  }
  if (s.plan) {
    json.key("plan").begin_object().field("actions", s.plan->actions);
    json.field("log_weight", s.plan->log_weight);
    json.field("exponential_utility", s.plan->exponential_utility).end_object();
  }
}

std::string describe_number(double x) {
  return std::isnan(x) ? "not computed" : fmt::format("{:.10g}", x);
}

std::string describe_gap(const ControlSolution& s) {
  return fmt::format("log Z - elbo = initial {:.4g} + policy {:.4g} + dynamics {:.4g}",
                     s.gap.initial, s.gap.policy, s.gap.dynamics);
}

/// What V is, in a few words.
std::string_view value_meaning(Method method) {
  switch (method) {
    case Method::posterior:
      return "temperature x log message, mean over the start";
    case Method::clamped:
      return "reward less the price of leaving the prior, true dynamics";
    case Method::hard:
      return "best expected reward";
    case Method::map:
      return "temperature x log weight of the best continuation";
    case Method::mmap:
      return "temperature x log weight of the plan";
    case Method::risk:
      return "reward less the prices of bending policy and dynamics";
    case Method::exponential_utility:
      return "temperature x log E[exp(return / temperature)], best policy";
    case Method::best_case:
      return "the largest reward that can happen";
  }
  return "";
}

std::string describe_question(const Mdp& mdp, const ControlSolution& s, const ControlArguments& c) {
  std::string horizon = s.infinite ? "infinite horizon" : counted(*s.horizon, "decision");
  if (const double discount = c.discount.value_or(mdp.discount()); discount < 1.0) {
    horizon += fmt::format(", discount {}", discount);
  }
  const std::string rho =
      s.method == Method::risk ? fmt::format(", rho {}", c.rho.value_or(1.0)) : "";
  return fmt::format("{}: {}, {}, {}, {}, temperature {}{}, {} prior\n\n", printable(c.environment),
                     counted(mdp.state_count(), "state"), counted(mdp.action_count(), "action"),
                     method_name(s.method), horizon, c.temperature, rho, c.prior);
}

std::string numbers_text(const ControlSolution& s,
                         const std::optional<control::Simulation>& drawn) {
  TextTable table;
  table.add_row({"log Z", describe_number(s.log_z),
                 "log of E[exp(return / temperature)] under the action prior"});
  if (s.method != Method::posterior) {
    table.add_row({"elbo", describe_number(s.elbo),
                   std::isnan(s.gap.total()) ? "bound on log Z" : describe_gap(s)});
  }
  table.add_row(
      {"initial value", describe_number(s.initial_value), std::string(value_meaning(s.method))});
  table.add_row({"believed return", describe_number(s.believed_return),
                 s.method == Method::clamped || s.method == Method::hard
                     ? "expected by the method: its dynamics are the true ones"
                     : "expected by the method, lucky or worst dynamics included"});
  table.add_row({"expected return", describe_number(s.expected_return),
                 "of this policy under the true dynamics"});
  if (drawn) {
    table.add_row(simulation_row(*drawn));
  }
  return table.render();
}

/// People read no more of a long horizon.
constexpr std::size_t kMostLines = 1000;

std::string left_out(std::size_t steps) {
  return steps == 0 ? "" : fmt::format("... {} more steps (--format json has them)\n", steps);
}

/// "s_1 S0 -right-> 1 ...": one line per decision.
std::string trajectory_text(const Mdp& mdp, const control::LikelyTrajectory& trajectory) {
  TextTable table;
  table.add_row({"t", "state", "action"});
  const auto state = [&](std::size_t s) {
    return s < mdp.state_count() ? printable(mdp.state_name(s)) : std::string("ended");
  };
  std::size_t shown = trajectory.actions.size();
  const auto has_ended = [&](std::size_t s) {
    return s >= mdp.state_count() || mdp.is_terminal(s);
  };
  while (shown > 0 && has_ended(trajectory.states[shown - 1])) {
    --shown;
  }
  const std::size_t lines = std::min(shown, kMostLines);
  for (std::size_t t = 0; t < lines; ++t) {
    table.add_row({fmt::format("{}", t + 1), state(trajectory.states[t]),
                   printable(mdp.action_name(trajectory.actions[t]))});
  }
  if (lines == shown) {
    table.add_row({fmt::format("{}", shown + 1), state(trajectory.states[shown]), ""});
  }
  return fmt::format("most likely trajectory, log weight {:.10g}\n{}{}\n", trajectory.log_weight,
                     table.render(), left_out(shown - lines));
}

std::string plan_text(const Mdp& mdp, const control::OpenLoopPlan& plan) {
  std::string actions;
  const std::size_t shown = std::min(plan.actions.size(), kMostLines);
  for (std::size_t t = 0; t < shown; ++t) {
    actions += ' ' + printable(mdp.action_name(plan.actions[t]));
  }
  actions += '\n' + left_out(plan.actions.size() - shown);
  return fmt::format("plan:{}exponential utility {:.10g}, log weight {:.10g}\n\n", actions,
                     plan.exponential_utility, plan.log_weight);
}

}  // namespace

std::string control_json(const Mdp& mdp, const ControlSolution& s, const ControlArguments& c,
                         const std::optional<control::Simulation>& simulation,
                         double load_seconds) {
  JsonWriter json;
  json.begin_object();
  write_question(json, mdp, s, c);
  write_values(json, s, c);
  json.field("log_z", s.log_z).field("elbo", s.elbo).key("gap").begin_object(true);
  json.field("initial", s.gap.initial).field("policy", s.gap.policy);
  json.field("dynamics", s.gap.dynamics).end_object();
  if (!s.infeasible_factor.empty()) {
    json.field("infeasible_factor", s.infeasible_factor);
  }
  write_plans(json, s);
  json.field("expected_return", s.expected_return);
  json.field("believed_return", s.believed_return);
  if (simulation) {
    write_simulation(json, *simulation);
  }
  json.field("iterations", s.iterations).field("error_bound", s.error_bound);
  json.key("timings").begin_object(true).field("load", load_seconds);
  json.field("plan", s.timings.plan_seconds);
  json.field("infer", s.timings.infer_seconds).end_object();
  return json.end_object().take();
}

std::string control_text(const Mdp& mdp, const ControlSolution& s, const ControlArguments& c,
                         const std::optional<control::Simulation>& simulation) {
  std::string out = describe_question(mdp, s, c);
  if (s.plan) {
    out += plan_text(mdp, *s.plan);
  } else if (s.trajectory) {
    out += trajectory_text(mdp, *s.trajectory);
  } else {
    out += control::policy_text(mdp, s.policy()) + '\n';
  }
  out += numbers_text(s, simulation);
  return out + fmt::format("\n{}, {}, {} backward step{}, error at most {:.2g}\n{}\n",
                           guarantee_name(s.guarantee), s.algorithm_used, s.iterations,
                           s.iterations == 1 ? "" : "s", s.error_bound, s.certificate);
}

std::string control_trace(const ControlSolution& s, const std::vector<Session::Event>& events) {
  JsonWriter json;
  const auto vectors = [&json](std::string_view name, const auto& list) {
    json.key(name).begin_array();
    for (const auto& numbers : list) {
      json.value(numbers);
    }
    json.end_array();
  };
  json.begin_object().field("task", "control").field("status", status_name(s.status));
  if (s.posterior) {
    vectors("log_messages", s.posterior->log_beta_state);
    vectors("forward", s.posterior->forward);
    vectors("state_marginals", s.posterior->state_marginals);
  } else {
    vectors("values", s.values);
  }
  json.key("progress");
  write_events(json, events);
  return json.end_object().take();
}

}  // namespace credo::cli
