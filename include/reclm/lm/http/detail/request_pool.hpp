#pragma once
/// @file request_pool.hpp
/// Many requests at a time: worker threads send them, the caller's thread takes the answers.

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "reclm/core/config.hpp"
#include "reclm/lm/http/detail/session.hpp"

namespace reclm::lm::detail {

/// The server dislikes this one request; others may succeed.
inline bool concerns_one_request(int status) { return status == 400 || status == 413 || status == 422; }

/// `count` POST requests of `body(k)` to `path`, at most `concurrency` at a time. `read(text)` makes a Result of an
/// answer's text on a worker's thread (@throws BrokenAnswer); `deliver(k, Result)` gets it on the caller's thread, in
/// the order of arrival, and returns false to stop. A request that the server dislikes does not keep others from being
/// sent; any other failure ends the run once answers under way have come.
/// @throws EndpointError, the first one, after all that was answered is delivered; what `body` or `deliver` throws
template <class Result>
class RequestPool {
 public:
  using Body = std::function<std::string(Index)>;
  using Read = std::function<Result(const std::string&)>;
  using Deliver = std::function<bool(Index, Result)>;

  RequestPool(const EndpointOptions& options, const ServerAddress& address) : options_(options), address_(address) {}

  void run(Index count, const std::string& path, const Body& body, const Read& read, const Deliver& deliver) {
    const std::string key = key_of(options_, address_);
    const auto workers = static_cast<std::size_t>(std::min<Index>(count, options_.concurrency));
    for (std::size_t w = 0; w < workers; ++w)
      sessions_.push_back(std::make_unique<Session>(options_, address_, key, [this](double s) { return pause(s); }));
    std::vector<std::thread> threads;
    const Joiner joiner{*this, threads};
    running_ = workers;
    for (std::size_t w = 0; w < workers; ++w)
      threads.emplace_back([&, w] { work(*sessions_[w], count, path, body, read); });
    std::unique_lock lock(mutex_);
    for (;;) {
      arrival_.wait(lock, [&] { return !arrived_.empty() || running_ == 0; });
      if (arrived_.empty()) break;
      auto [index, result] = std::move(arrived_.front());
      arrived_.pop_front();
      lock.unlock();
      if (!deliver(index, std::move(result))) return;  // the joiner stops the others
      lock.lock();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Joiner {
    RequestPool& pool;
    std::vector<std::thread>& threads;
    ~Joiner() {
      {
        const std::lock_guard lock(pool.mutex_);
        pool.stopped_ = pool.aborted_ = true;
      }
      pool.stop_.notify_all();
      // Again and again: a connection that is only being made cannot be broken off yet.
      for (std::unique_lock lock(pool.mutex_); pool.running_ > 0;) {
        lock.unlock();
        for (const auto& session : pool.sessions_) session->stop();
        lock.lock();
        pool.arrival_.wait_for(lock, std::chrono::milliseconds(20), [&] { return pool.running_ == 0; });
      }
      for (std::thread& thread : threads) thread.join();
    }
  };

  void work(Session& session, Index count, const std::string& path, const Body& body, const Read& read) {
    // A peer that hangs up must not end the process.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (Index k = take(count); k < count; k = take(count)) {
      try {
        std::optional<Result> result;
        if (!session.request("POST", path, body(k), k, [&](const std::string& text) { result = read(text); })) break;
        const std::lock_guard lock(mutex_);
        arrived_.emplace_back(k, std::move(*result));
        arrival_.notify_one();
      } catch (const EndpointError& e) {
        fail(std::current_exception(), !concerns_one_request(e.status()));
      } catch (...) {
        fail(std::current_exception(), true);
      }
    }
    const std::lock_guard lock(mutex_);
    --running_;
    arrival_.notify_one();
  }

  Index take(Index count) {
    const std::lock_guard lock(mutex_);
    return stopped_ ? count : next_++;
  }

  void fail(std::exception_ptr failure, bool for_all) {
    const std::lock_guard lock(mutex_);
    // Failures of a broken-off run are its consequence.
    if (!aborted_ && (!failure_ || (for_all && !stopped_))) failure_ = std::move(failure);
    if (for_all) stopped_ = true;
    stop_.notify_all();
  }

  bool pause(double seconds) {
    std::unique_lock lock(mutex_);
    stop_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return stopped_; });
    return !stopped_;
  }

  const EndpointOptions& options_;
  const ServerAddress& address_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::mutex mutex_;
  std::condition_variable arrival_, stop_;
  std::deque<std::pair<Index, Result>> arrived_;
  std::exception_ptr failure_;
  std::size_t running_ = 0;
  Index next_ = 0;
  bool stopped_ = false;  // no new requests, no more waiting
  bool aborted_ = false;  // requests under way are broken off too
};

}  // namespace reclm::lm::detail
