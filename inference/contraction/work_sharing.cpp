// Threads take the next piece that nobody has taken yet, so that none waits for a slow one.
// Invariant: every piece is done by one thread, whole, so that results do not depend on how many
// there are. Cost: one atomic increment per piece.

#include <credo/inference/contraction/work_sharing.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace credo::contraction {

namespace {

class Sharing {
 public:
  Sharing(std::int64_t count, const std::function<bool()>& go_on,
          const std::function<void(std::int64_t, const Pulse&)>& work)
      : count_(count), go_on_(go_on), work_(work) {}

  bool run(std::size_t helpers) {
    {
      std::vector<std::jthread> threads;
      threads.reserve(helpers);
      try {
        for (std::size_t t = 0; t < helpers; ++t) {
          threads.emplace_back([this] { help(); });
          ++started_;
        }
      } catch (const std::exception&) {
        // The system starts no more threads: those that run do all the work.
      }
      lead();
    }
    if (failure_) std::rethrow_exception(failure_);
    return !stopped_;
  }

 private:
  void lead() {
    take_pieces({[](void* self) { return static_cast<Sharing*>(self)->ask(); }, this});
    // The last pieces of the others may take long: they still hear of a no.
    std::unique_lock lock(mutex_);
    while (finished_ < started_) {
      changed_.wait_for(lock, kLook);
      lock.unlock();
      guarded([this] { static_cast<void>(ask()); });
      lock.lock();
    }
  }
  void help() {
    take_pieces({[](void* self) { return !static_cast<Sharing*>(self)->ended_; }, this});
    const std::scoped_lock lock(mutex_);
    ++finished_;
    changed_.notify_one();
  }

  bool ask() {
    if (ended_) return false;
    if (go_on_()) return true;
    stopped_ = true;
    ended_ = true;
    return false;
  }

  void take_pieces(const Pulse& pulse) {
    guarded([this, &pulse] {
      while (!ended_) {
        const std::int64_t piece = next_++;
        if (piece >= count_) return;
        work_(piece, pulse);
      }
    });
  }

  /// Keeps what the body throws for the caller, and ends the others.
  template <typename Body>
  void guarded(const Body& body) {
    try {
      body();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      ended_ = true;
    }
  }

  static constexpr std::chrono::milliseconds kLook{2};

  std::int64_t count_;
  const std::function<bool()>& go_on_;
  const std::function<void(std::int64_t, const Pulse&)>& work_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> ended_{false};
  bool stopped_ = false;  ///< written by the calling thread alone
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t started_ = 0;  ///< by the calling thread alone
  std::size_t finished_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

bool share_out(std::int64_t count, std::size_t threads, const std::function<bool()>& go_on,
               const std::function<void(std::int64_t, const Pulse&)>& work) {
  const std::size_t machine = std::max<std::size_t>(2, std::thread::hardware_concurrency());
  const auto pieces = static_cast<std::size_t>(std::max<std::int64_t>(1, count));
  const std::size_t used = std::min({std::max<std::size_t>(1, threads), machine, pieces});
  return Sharing(count, go_on, work).run(used - 1);
}

}  // namespace credo::contraction
