// A variable of degree d sends each factor the product of the others' messages. That product is
// the product of all without one: total minus own in logarithms, constant per message. Totals are
// kept as pairs of doubles (Knuth's exact addition), so that neither adding and removing for ever
// nor a large own message costs digits; zeros are counted, not added.

#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_state.hpp>

#include <algorithm>
#include <cmath>

namespace credo::message_passing {

namespace {

/// a + b = sum + error exactly.
struct ExactSum {
  double sum;
  double error;
};
ExactSum exact_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

}  // namespace

double difference(std::span<const double> a, std::span<const double> b) {
  constexpr double kRounding = 16.0 * std::numeric_limits<double>::epsilon();
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    const double change = std::fabs(a[i] - b[i]);
    if (change == kInfinity) return change;
    largest = std::max(largest, change - kRounding * std::max(std::fabs(a[i]), std::fabs(b[i])));
  }
  return largest;
}

double scale_to_zero(std::span<double> logs) {
  double largest = -kInfinity;
  for (const double x : logs) largest = std::max(largest, x);
  if (largest == -kInfinity) return largest;
  for (double& x : logs) x -= largest;
  return largest;
}

MessageState::MessageState(const EdgeGraph& edges, const FactorGraph& graph,
                           const Evidence& evidence)
    : edges_(edges),
      messages_(edges.message_at.back(), 0.0),
      high_(edges.state_at.back(), 0.0),
      low_(edges.state_at.back(), 0.0),
      zeros_(edges.state_at.back(), 0) {
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard) continue;
    for (std::size_t x = 0; x < graph.cardinality(v); ++x) {
      const bool allowed =
          finding.kind == FindingKind::allowed && std::ranges::binary_search(finding.allowed, x);
      const double weight =
          finding.kind == FindingKind::likelihood ? finding.likelihood[x] : (allowed ? 1.0 : 0.0);
      const std::size_t at = edges.state_at[v] + x;
      if (weight > 0.0) {
        add(at, std::log(weight));
      } else {
        ++zeros_[at];
      }
    }
  }
}

void MessageState::add(std::size_t at, double x) {
  const ExactSum s = exact_sum(high_[at], x);
  high_[at] = s.sum;
  low_[at] += s.error;
}

void MessageState::assign(std::uint32_t edge, std::span<const double> logs) {
  const std::span<double> own = std::span(messages_).subspan(edges_.message_at[edge], logs.size());
  const std::size_t first = edges_.state_at[edges_.variable[edge]];
  for (std::size_t x = 0; x < logs.size(); ++x) {
    if (own[x] == logs[x]) continue;
    if (own[x] == -kInfinity) {
      --zeros_[first + x];
    } else {
      add(first + x, -own[x]);
    }
    own[x] = logs[x];
    if (own[x] == -kInfinity) {
      ++zeros_[first + x];
    } else {
      add(first + x, own[x]);
    }
  }
}

Gathered MessageState::gather(std::uint32_t edge, double share, double exponent,
                              std::span<double> out) const {
  const std::span<const double> own = to_variable(edge);
  const std::size_t first = edges_.state_at[edges_.variable[edge]];
  for (std::size_t x = 0; x < own.size(); ++x) {
    const std::size_t at = first + x;
    const bool own_is_zero = own[x] == -kInfinity;
    if (zeros_[at] > (own_is_zero ? 1U : 0U)) {
      out[x] = -kInfinity;
      continue;
    }
    const ExactSum rest = exact_sum(high_[at], own_is_zero ? 0.0 : -own[x]);
    double log_message = rest.sum + (rest.error + low_[at]);
    // Where the own message is zero so is the belief, and any finite value will do.
    if (share != 1.0) {
      log_message = share * log_message + (own_is_zero ? 0.0 : (share - 1.0) * own[x]);
    }
    out[x] = exponent == 1.0 ? log_message : exponent * log_message;
  }
  Gathered gathered;
  gathered.log_scale = scale_to_zero(out);
  for (const double x : out) {
    if (x > -kInfinity) gathered.log_smallest = std::min(gathered.log_smallest, x);
  }
  return gathered;
}

std::vector<double> MessageState::log_products(VariableId v) const {
  std::vector<double> logs;
  const std::size_t states = edges_.state_at[v + 1] - edges_.state_at[v];
  for (std::size_t x = 0; x < states; ++x) logs.push_back(log_product(v, x));
  return logs;
}

double MessageState::bytes(const EdgeGraph& edges) {
  return static_cast<double>(edges.message_at.back() * sizeof(double) +
                             edges.state_at.back() * (2 * sizeof(double) + sizeof(std::uint32_t)));
}

}  // namespace credo::message_passing
