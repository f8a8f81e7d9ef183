#pragma once
// Joint states that were drawn.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace credo {

/// One row per draw, one state per variable of the graph, four bytes each. Rows are read like those
/// of a vector of vectors, but handed out by value.
class Samples {
 public:
  class Iterator;
  using value_type = std::vector<std::size_t>;

  Samples() = default;
  /// Without rows, for graphs of so many variables.
  explicit Samples(std::size_t variables) : variables_(variables) {}

  [[nodiscard]] std::size_t size() const noexcept { return rows_; }
  [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
  /// The states of a row; the state of one variable in it. Both must be below their counts.
  [[nodiscard]] std::vector<std::size_t> operator[](std::size_t row) const {
    const auto first = states_.begin() + static_cast<std::ptrdiff_t>(row * variables_);
    return {first, first + static_cast<std::ptrdiff_t>(variables_)};
  }
  [[nodiscard]] std::size_t state(std::size_t row, std::size_t variable) const {
    return states_[row * variables_ + variable];
  }

  void reserve(std::size_t rows) { states_.reserve(rows * variables_); }
  /// Adds a row: as many states as there are variables.
  void append(std::span<const std::size_t> states) {
    for (const std::size_t state : states) states_.push_back(static_cast<std::uint32_t>(state));
    ++rows_;
  }

  /// Keeps the first rows; there must be as many.
  void resize(std::size_t rows) {
    states_.resize(rows * variables_);
    rows_ = rows;
  }

  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

  /// Bytes of so many rows.
  [[nodiscard]] static double bytes(double rows, double variables) {
    return rows * variables * static_cast<double>(sizeof(std::uint32_t));
  }

  friend bool operator==(const Samples&, const Samples&) = default;

 private:
  std::size_t variables_ = 0;
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> states_;
};

/// Goes through the rows.
class Samples::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = std::vector<std::size_t>;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = value_type;

  Iterator() = default;
  Iterator(const Samples& samples, std::size_t row) : samples_(&samples), row_(row) {}
  [[nodiscard]] value_type operator*() const { return (*samples_)[row_]; }
  Iterator& operator++() {
    ++row_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++row_;
    return before;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.row_ == b.row_; }

 private:
  const Samples* samples_ = nullptr;
  std::size_t row_ = 0;
};

inline Samples::Iterator Samples::begin() const { return {*this, 0}; }
inline Samples::Iterator Samples::end() const { return {*this, rows_}; }

}  // namespace credo
