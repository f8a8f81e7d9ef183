#pragma once
// Pieces of work shared out among threads.

#include <credo/inference/contraction/kernel.hpp>

#include <cstdint>
#include <functional>

namespace credo::contraction {

/// Calls work(piece, pulse) for every piece below count, on the calling thread and up to
/// `threads` - 1 others: no more than the machine runs at once, and fewer where the system starts
/// no more. go_on is called from the calling thread alone, by the pulse of its pieces; the pulse of
/// the other threads hands on its answer. False when go_on said no: some pieces are missing then.
/// What work or go_on throws comes out here, after every thread has ended.
[[nodiscard]] bool share_out(std::int64_t count, std::size_t threads,
                             const std::function<bool()>& go_on,
                             const std::function<void(std::int64_t, const Pulse&)>& work);

}  // namespace credo::contraction
