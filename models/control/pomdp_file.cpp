// One pass over the words of a .POMDP file. Rewards are kept per (a, s, s', o) until all
// observations are known.

#include <credo/core/error.hpp>
#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/description_error.hpp>
#include <credo/models/control/pomdp_file.hpp>
#include <credo/models/control/pomdp_words.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

namespace credo::control {

namespace {

/// Tables are dense; more is a mistake, or another tool's business.
constexpr std::uint64_t kMostEntries = 20'000'000;

class PomdpReader {
 public:
  explicit PomdpReader(ByteSource& source)
      : words_(source), cursor_(words_.cursor()), source_(source.name()) {}

  Pomdp read() {
    for (std::string keyword = words_.next_keyword(); !keyword.empty();
         keyword = words_.next_keyword()) {
      section(keyword);
    }
    require_sizes();
    finish_start();
    PomdpDescription& d = description_;
    d.states = states_.count;
    d.actions = actions_.count;
    d.observations = observations_.count;
    d.reward = mean_rewards();
    d.state_names = std::move(states_.names);
    d.action_names = std::move(actions_.names);
    d.observation_names = std::move(observations_.names);
    try {
      return Pomdp(std::move(d));
    } catch (const DescriptionError& e) {
      const Position at = place_of(e);
      throw ModelError(fmt::format("{}:{}:{}: {}", source_, at.line, at.column, e.what()));
    }
  }

 private:
  /// Of the statement that gave a row last; of the end when none did.
  Position place_of(const DescriptionError& error) {
    const std::string& member = error.member();
    const std::size_t row = error.element().value_or(0);
    Position at{0, 0};
    if (member == "discount") at = discount_position_;
    if (member == "initial") at = start_position_;
    if (member == "state_names") at = states_position_;
    if (member == "action_names") at = actions_position_;
    if (member == "observation_names") at = observations_position_;
    if (member == "transition") at = transition_position_.at(row);
    if (member == "observation") at = observation_position_.at(row);
    return at.line == 0 ? cursor_.position() : at;
  }

  void section(const std::string& keyword) {
    if (keyword == "discount") {
      description_.discount = cursor_.number("the discount");
      discount_position_ = cursor_.position();
    } else if (keyword == "values") {
      const std::string_view word = cursor_.word("reward or cost");
      if (word != "reward" && word != "cost") cursor_.fail("reward or cost");
      sign_ = word == "cost" ? -1.0 : 1.0;
    } else if (keyword == "states") {
      states_position_ = cursor_.position();
      words_.read(states_);
    } else if (keyword == "actions") {
      actions_position_ = cursor_.position();
      words_.read(actions_);
    } else if (keyword == "observations") {
      observations_position_ = cursor_.position();
      words_.read(observations_);
    } else if (keyword.starts_with("start")) {
      require_named(states_);
      start_kind_ = keyword;
      start_position_ = cursor_.position();
      start_ = words_.words();
    } else if (keyword == "T" || keyword == "O" || keyword == "R") {
      require_sizes();
      allocate();
      const Position here = cursor_.position();
      if (keyword == "T") probabilities(description_.transition, states_, states_, true, here);
      if (keyword == "O") {
        probabilities(description_.observation, states_, observations_, false, here);
      }
      if (keyword == "R") rewards();
    } else {
      cursor_.fail("discount, values, states, actions, observations, start, T, O or R", keyword);
    }
  }

  void require_named(const PomdpNames& names) {
    if (names.count == 0) cursor_.fail(fmt::format("the {} before this", names.what));
  }

  void require_sizes() {
    for (const PomdpNames* names : {&states_, &actions_, &observations_}) require_named(*names);
    const std::vector<std::size_t> shape = {actions_.count, states_.count, states_.count,
                                            observations_.count};
    if (saturating_product(shape) > kMostEntries) {
      cursor_.fail(fmt::format("at most {} entries of R", kMostEntries),
                   fmt::format("{}", fmt::join(shape, " x ")));
    }
  }

  void allocate() {
    if (!description_.transition.empty()) return;
    const std::size_t pairs = states_.count * actions_.count;
    description_.transition.assign(pairs * states_.count, 0.0);
    description_.observation.assign(pairs * observations_.count, 0.0);
    transition_position_.assign(pairs, {0, 0});
    observation_position_.assign(pairs, {0, 0});
    rewards_.assign(pairs * states_.count * observations_.count, 0.0);
  }

  /// T: or O: after its keyword. T is stored by (s, a, s'), O by (a, s', o).
  void probabilities(std::vector<double>& table, const PomdpNames& middle, const PomdpNames& last,
                     bool state_first, Position here) {
    std::vector<Position>& given = state_first ? transition_position_ : observation_position_;
    const std::vector<std::size_t> actions = words_.indices(actions_);
    const auto row_of = [&](std::size_t a, std::size_t s) {
      return (state_first ? s * actions_.count + a : a * states_.count + s) * last.count;
    };
    const auto put = [&](std::size_t s, std::size_t column, double p) {
      for (const std::size_t a : actions) {
        table[row_of(a, s) + column] = p;
        given[row_of(a, s) / last.count] = here;
      }
    };
    std::vector<std::size_t> rows;
    const bool matrix = !cursor_.accept(':');
    if (matrix) {
      for (std::size_t s = 0; s < middle.count; ++s) rows.push_back(s);
    } else {
      rows = words_.indices(middle);
      if (cursor_.accept(':')) {
        const std::vector<std::size_t> columns = words_.indices(last);
        const double p = cursor_.non_negative("a probability");
        for (const std::size_t s : rows) {
          for (const std::size_t c : columns) put(s, c, p);
        }
        return;
      }
    }
    if (cursor_.accept_word("uniform")) {
      const double p = 1.0 / static_cast<double>(last.count);
      for (const std::size_t s : rows) {
        for (std::size_t c = 0; c < last.count; ++c) put(s, c, p);
      }
    } else if (matrix && state_first && cursor_.accept_word("identity")) {
      for (const std::size_t s : rows) {
        for (std::size_t c = 0; c < last.count; ++c) put(s, c, s == c ? 1.0 : 0.0);
      }
    } else {
      put_numbers(rows, last.count, matrix, put);
    }
  }

  /// A row for each of the rows (a matrix), or one for all of them.
  template <typename Put>
  void put_numbers(std::span<const std::size_t> rows, std::size_t width, bool matrix,
                   const Put& put) {
    std::vector<double> row(width);
    bool first = true;
    for (const std::size_t s : rows) {
      if (matrix || first) {
        for (double& p : row) p = cursor_.non_negative("a probability, uniform or identity");
      }
      first = false;
      for (std::size_t c = 0; c < width; ++c) put(s, c, row[c]);
    }
  }

  /// R: a : s : s' : o value, or with rows over o, or matrices over (s', o).
  void rewards() {
    const std::vector<std::size_t> actions = words_.indices(actions_);
    cursor_.expect(':');
    const std::vector<std::size_t> from = words_.indices(states_);
    std::vector<std::size_t> to = {0};
    std::vector<std::size_t> seen = {0};
    std::size_t height = states_.count;
    std::size_t width = observations_.count;
    if (cursor_.accept(':')) {
      to = words_.indices(states_);
      height = 1;
      if (cursor_.accept(':')) {
        seen = words_.indices(observations_);
        width = 1;
      }
    }
    for (std::size_t i = 0; i < height; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        const double value = cursor_.number("a reward");
        const std::vector<std::size_t> extents = {actions.size(), from.size(), to.size(),
                                                  seen.size()};
        for_each_joint_state(extents, [&](std::span<const std::size_t> at) {
          const std::size_t pair = actions[at[0]] * states_.count + from[at[1]];
          const std::size_t next = to[at[2]] + i;
          const std::size_t o = seen[at[3]] + j;
          rewards_[(pair * states_.count + next) * observations_.count + o] = value;
        });
      }
    }
  }

  void finish_start() {
    std::vector<double>& p = description_.initial;
    const std::size_t count = states_.count;
    const bool only = start_.size() == 1;
    if (count == 1 || start_.empty() || (only && start_.front() == "uniform")) {
      p.assign(count, 1.0 / static_cast<double>(count));
    } else if (start_kind_ == "start" && start_.size() == count) {
      for (const std::string& word : start_) p.push_back(probability(word));
    } else {
      const bool excluded = start_kind_ == "start exclude";
      if (start_kind_ == "start" && !only) {
        cursor_.fail_at(start_position_, fmt::format("one state or {} probabilities", count),
                        fmt::format("{} words", start_.size()));
      }
      p.assign(count, excluded ? 1.0 : 0.0);
      for (const std::string& word : start_)
        p[words_.index_of(states_, word)] = excluded ? 0.0 : 1.0;
      if (normalize(p) == 0.0) cursor_.fail_at(start_position_, "a state to start in", "none");
    }
  }

  double probability(const std::string& word) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      cursor_.fail_at(start_position_, "probabilities to start with", word);
    }
    return value;
  }

  /// r(s, a, s') = sum_o p(o | a, s') R(a, s, s', o); r(s, a) when s' does not matter.
  std::vector<double> mean_rewards() {
    allocate();
    const std::size_t n = states_.count;
    std::vector<double> result(n * actions_.count * n, 0.0);
    std::vector<double> by_pair(n * actions_.count, 0.0);
    bool on_next = false;
    for (std::size_t s = 0; s < n; ++s) {
      for (std::size_t a = 0; a < actions_.count; ++a) {
        const std::size_t pair = s * actions_.count + a;
        std::optional<double> common;
        for (std::size_t next = 0; next < n; ++next) {
          const double r = mean_reward(a, s, next);
          result[pair * n + next] = r;
          if (description_.transition[pair * n + next] == 0.0) continue;
          if (!common) common = r;
          on_next = on_next || r != *common;
        }
        by_pair[pair] = common.value_or(0.0);
      }
    }
    return on_next ? result : by_pair;
  }

  double mean_reward(std::size_t a, std::size_t s, std::size_t next) {
    const std::size_t width = observations_.count;
    const double* values = &rewards_[((a * states_.count + s) * states_.count + next) * width];
    const double* p = &description_.observation[(a * states_.count + next) * width];
    if (std::all_of(values, values + width, [&](double r) { return r == values[0]; })) {
      return sign_ * values[0];
    }
    double sum = 0.0;
    for (std::size_t o = 0; o < width; ++o) sum += p[o] * values[o];
    return sign_ * sum;
  }

  PomdpWords words_;
  Cursor& cursor_;
  std::string source_;
  PomdpDescription description_;
  PomdpNames states_{"states", 0, {}};
  PomdpNames actions_{"actions", 0, {}};
  PomdpNames observations_{"observations", 0, {}};
  double sign_ = 1.0;
  std::string start_kind_ = "start";
  std::vector<std::string> start_;
  Position start_position_{0, 0};
  Position discount_position_{0, 0};
  Position states_position_{0, 0};
  Position actions_position_{0, 0};
  Position observations_position_{0, 0};
  /// Per row, the statement that gave it last.
  std::vector<Position> transition_position_;
  std::vector<Position> observation_position_;
  std::vector<double> rewards_;
};

}  // namespace

Pomdp parse_pomdp(std::string_view text, const std::string& source) {
  ByteSource bytes = ByteSource::from_memory(text, source);
  return PomdpReader(bytes).read();
}

Pomdp read_pomdp(const std::string& path) {
  ByteSource bytes = ByteSource::from_file(path);
  return PomdpReader(bytes).read();
}

}  // namespace credo::control
