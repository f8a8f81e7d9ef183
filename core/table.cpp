#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/core/table.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

struct Table::Data {
  std::vector<std::size_t> shape;
  std::uint64_t size = 1;
  Storage storage = Storage::dense;
  Domain domain = Domain::linear;
  std::vector<double> values;
  std::vector<std::uint64_t> row_index;
  std::vector<std::uint64_t> row_begin;
  std::vector<std::uint32_t> column;
  double log_smallest = -kInfinity;
  double log_largest = -kInfinity;
  bool has_zero = false;
};

namespace {

std::uint64_t checked_size(std::span<const std::size_t> shape) {
  if (std::ranges::find(shape, std::size_t{0}) != shape.end()) {
    throw ModelError(
        fmt::format("table of shape [{}]: expected extents of at least 1", fmt::join(shape, ", ")));
  }
  const std::uint64_t size = saturating_product(shape);
  if (size == std::numeric_limits<std::uint64_t>::max()) {
    throw ModelError(fmt::format("table of shape [{}]: expected fewer than 2^64 entries",
                                 fmt::join(shape, ", ")));
  }
  return size;
}

void check_value(double value, Domain domain, std::uint64_t index) {
  const bool valid = domain == Domain::linear ? value >= 0.0 && value < kInfinity
                                              : !std::isnan(value) && value < kInfinity;
  if (!valid) {
    throw ModelError(fmt::format(
        "table entry {}: expected a {} number, got {}", index,
        domain == Domain::linear ? "finite non-negative" : "finite or -infinite logarithm, a",
        value));
  }
}

/// Range of the values, and whether one of the held entries is zero.
struct Extremes {
  double log_smallest = -kInfinity;
  double log_largest = -kInfinity;
  bool has_zero = false;
};

Extremes extremes(std::span<const double> values, Domain domain) {
  const double zero = domain == Domain::linear ? 0.0 : -kInfinity;
  double smallest = kInfinity;
  double largest = zero;
  Extremes e;
  for (const double v : values) {
    if (v == zero) {
      e.has_zero = true;
    } else {
      smallest = std::min(smallest, v);
      largest = std::max(largest, v);
    }
  }
  if (largest == zero) return e;
  e.log_smallest = domain == Domain::linear ? std::log(smallest) : smallest;
  e.log_largest = domain == Domain::linear ? std::log(largest) : largest;
  return e;
}

}  // namespace

Table::Table() {
  static const std::shared_ptr<const Data> one = [] {
    auto data = std::make_shared<Data>();
    data->values = {1.0};
    data->log_smallest = data->log_largest = 0.0;
    return data;
  }();
  data_ = one;
}

Table Table::dense(std::vector<std::size_t> shape, std::vector<double> values, Domain domain) {
  auto data = std::make_shared<Data>();
  data->size = checked_size(shape);
  if (values.size() != data->size) {
    throw ModelError(fmt::format("table of shape [{}]: expected {} entries, got {}",
                                 fmt::join(shape, ", "), data->size, values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) check_value(values[i], domain, i);
  const Extremes e = extremes(values, domain);
  data->shape = std::move(shape);
  data->domain = domain;
  data->values = std::move(values);
  data->log_smallest = e.log_smallest;
  data->log_largest = e.log_largest;
  data->has_zero = e.has_zero;
  return Table(std::move(data));
}

Table Table::sparse(std::vector<std::size_t> shape, std::vector<SparseEntry> entries,
                    Domain domain) {
  auto data = std::make_shared<Data>();
  data->size = checked_size(shape);
  data->storage = Storage::sparse;
  data->domain = domain;
  const std::uint64_t width = shape.empty() ? 1 : shape.back();
  if (width > std::numeric_limits<std::uint32_t>::max()) {
    throw ModelError(fmt::format("sparse table: expected a last extent below 2^32, got {}", width));
  }
  std::ranges::sort(entries, {}, &SparseEntry::index);
  data->values.reserve(entries.size());
  data->column.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [index, value] = entries[i];
    if (index >= data->size) {
      throw ModelError(fmt::format("sparse table of shape [{}]: expected indices below {}, got {}",
                                   fmt::join(shape, ", "), data->size, index));
    }
    if (i > 0 && entries[i - 1].index == index) {
      throw ModelError(fmt::format("sparse table: expected distinct indices, got {} twice", index));
    }
    check_value(value, domain, index);
    if (data->row_index.empty() || data->row_index.back() != index / width) {
      data->row_index.push_back(index / width);
      data->row_begin.push_back(i);
    }
    data->column.push_back(static_cast<std::uint32_t>(index % width));
    data->values.push_back(value);
  }
  data->row_begin.push_back(entries.size());
  const Extremes e = extremes(data->values, domain);
  data->shape = std::move(shape);
  data->log_smallest = e.log_smallest;
  data->log_largest = e.log_largest;
  data->has_zero = e.has_zero || data->values.size() < data->size;
  return Table(std::move(data));
}

std::span<const std::size_t> Table::shape() const noexcept { return data_->shape; }
std::uint64_t Table::size() const noexcept { return data_->size; }
Storage Table::storage() const noexcept { return data_->storage; }
Domain Table::domain() const noexcept { return data_->domain; }
std::span<const double> Table::values() const noexcept { return data_->values; }
double Table::log_smallest() const noexcept { return data_->log_smallest; }
double Table::log_largest() const noexcept { return data_->log_largest; }
bool Table::has_zero() const noexcept { return data_->has_zero; }

Table::Rows Table::rows() const noexcept {
  return {data_->row_index, data_->row_begin, data_->column};
}

double Table::value_at(std::uint64_t index) const {
  if (index >= data_->size) {
    throw ModelError(fmt::format("table of shape [{}]: expected an index below {}, got {}",
                                 fmt::join(shape(), ", "), data_->size, index));
  }
  if (!is_sparse()) return data_->values[index];
  const std::uint64_t width = data_->shape.empty() ? 1 : data_->shape.back();
  const auto row = std::ranges::lower_bound(data_->row_index, index / width);
  if (row != data_->row_index.end() && *row == index / width) {
    const auto r = static_cast<std::size_t>(row - data_->row_index.begin());
    const auto first = data_->column.begin() + static_cast<std::ptrdiff_t>(data_->row_begin[r]);
    const auto last = data_->column.begin() + static_cast<std::ptrdiff_t>(data_->row_begin[r + 1]);
    const auto at = std::lower_bound(first, last, static_cast<std::uint32_t>(index % width));
    if (at != last && *at == index % width) {
      return data_->values[static_cast<std::size_t>(at - data_->column.begin())];
    }
  }
  return domain() == Domain::linear ? 0.0 : -kInfinity;
}

double Table::log_at(std::uint64_t index) const {
  const double value = value_at(index);
  return domain() == Domain::linear ? std::log(value) : value;
}

double Table::at(std::uint64_t index) const {
  const double value = value_at(index);
  return domain() == Domain::linear ? value : std::exp(value);
}

std::uint64_t Table::index_of(std::span<const std::size_t> states) const {
  if (states.size() != rank()) {
    throw ModelError(
        fmt::format("table of rank {}: expected as many states, got {}", rank(), states.size()));
  }
  std::uint64_t index = 0;
  for (std::size_t d = 0; d < states.size(); ++d) {
    if (states[d] >= data_->shape[d]) {
      throw ModelError(fmt::format("table extent {}: expected a state below {}, got {}", d,
                                   data_->shape[d], states[d]));
    }
    index = index * data_->shape[d] + states[d];
  }
  return index;
}

std::vector<std::uint64_t> Table::stored_indices() const {
  std::vector<std::uint64_t> indices;
  indices.reserve(data_->column.size());
  const std::uint64_t width = data_->shape.empty() ? 1 : data_->shape.back();
  for (std::size_t r = 0; r < data_->row_index.size(); ++r) {
    for (std::uint64_t i = data_->row_begin[r]; i < data_->row_begin[r + 1]; ++i) {
      indices.push_back(data_->row_index[r] * width + data_->column[i]);
    }
  }
  return indices;
}

Table Table::densified(std::uint64_t limit) const {
  if (!is_sparse()) return *this;
  if (size() > limit) {
    throw ModelError(
        fmt::format("sparse table of shape [{}]: {} entries if dense, expected at most {}",
                    fmt::join(shape(), ", "), size(), limit));
  }
  std::vector<double> values(size(), domain() == Domain::linear ? 0.0 : -kInfinity);
  const std::vector<std::uint64_t> indices = stored_indices();
  for (std::size_t i = 0; i < indices.size(); ++i) values[indices[i]] = data_->values[i];
  return dense(data_->shape, std::move(values), domain());
}

Table Table::sparsified() const {
  if (is_sparse()) return *this;
  const double zero = domain() == Domain::linear ? 0.0 : -kInfinity;
  std::vector<SparseEntry> entries;
  for (std::size_t i = 0; i < data_->values.size(); ++i) {
    if (data_->values[i] != zero) entries.push_back({i, data_->values[i]});
  }
  return sparse(data_->shape, std::move(entries), domain());
}

Table Table::in_domain(Domain target) const {
  if (target == domain()) return *this;
  auto data = std::make_shared<Data>(*data_);
  data->domain = target;
  for (double& v : data->values) v = target == Domain::log ? std::log(v) : std::exp(v);
  const Extremes e = extremes(data->values, target);
  data->log_smallest = e.log_smallest;
  data->log_largest = e.log_largest;
  data->has_zero = e.has_zero || data->values.size() < data->size;
  return Table(std::move(data));
}

bool operator==(const Table& a, const Table& b) {
  if (a.data_ == b.data_) return true;
  return a.data_->shape == b.data_->shape && a.storage() == b.storage() &&
         a.domain() == b.domain() && a.data_->row_index == b.data_->row_index &&
         a.data_->row_begin == b.data_->row_begin && a.data_->column == b.data_->column &&
         a.data_->values == b.data_->values;
}

}  // namespace credo
